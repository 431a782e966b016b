"""The table of colours comes in, files for editors go out: a folder that VS Code loads as an extension."""
