// Tokens of texts by the engine that VS Code has. Standard input: {"grammar": path, "texts": [...]}. Standard output:
// for each text a list of [start, end, scopes], offsets counted in UTF-16.
const fs = require("fs");
const textmate = require("vscode-textmate");
const oniguruma = require("vscode-oniguruma");

const { grammar, texts } = JSON.parse(fs.readFileSync(0, "utf8"));
const wasm = fs.readFileSync(require.resolve("vscode-oniguruma/release/onig.wasm"));

(async () => {
  await oniguruma.loadWASM(wasm.buffer);
  const registry = new textmate.Registry({
    onigLib: Promise.resolve({
      createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
      createOnigString: (string) => new oniguruma.OnigString(string),
    }),
    loadGrammar: async () => textmate.parseRawGrammar(fs.readFileSync(grammar, "utf8"), grammar),
  });
  const loaded = await registry.loadGrammar("source.clq");
  const tokens = texts.map((text) => {
    const found = [];
    let state = textmate.INITIAL;
    let start = 0;
    for (const line of text.split("\n")) {
      const read = loaded.tokenizeLine(line, state);
      for (const token of read.tokens) {
        found.push([start + token.startIndex, start + token.endIndex, token.scopes.slice(1)]);
      }
      state = read.ruleStack;
      start += line.length + 1;
    }
    return found;
  });
  console.log(JSON.stringify(tokens));
})();
