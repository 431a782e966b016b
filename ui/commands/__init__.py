"""The commands of `clq`: a file each, named after its command, with `COMMAND`. Nothing heavy is imported here."""
