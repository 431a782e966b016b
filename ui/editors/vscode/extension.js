// Starts `clq lsp` (or what the setting clq.command says) and hands it every clq document.
const { window, workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

exports.activate = async () => {
  const [command, ...args] = workspace.getConfiguration("clq").get("command");
  const documents = { documentSelector: [{ language: "clq" }] };
  client = new LanguageClient("clq", "clq", { command, args }, documents);
  try {
    await client.start();
  } catch (error) {
    window.showWarningMessage(
      `clq: ${command} could not be started (${error.message}). Colours work without it; the setting clq.command ` +
        "says which command is tried."
    );
  }
};

exports.deactivate = () => client?.stop();
