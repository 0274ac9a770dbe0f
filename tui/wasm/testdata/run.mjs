// Runs the engine in Node, on Node's own files: run.mjs WASM_EXEC_JS WASM DIR CAPTURE [KEYLOG]. It writes the report and then, for each line
// of standard input, which is a question, its answer: {"status", "type", "name", "body" or "file"}, a line each.

import { readFileSync } from 'node:fs';
import fs from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';

const [exec, wasm, dir, capture, keylog = ''] = process.argv.slice(2);
Object.assign(globalThis, { fs, path });
await import(exec);
const go = new globalThis.Go();
const { instance } = await WebAssembly.instantiate(readFileSync(wasm), go.importObject);
void go.run(instance);
const engine = globalThis.voiptop;

let told = 0;
const report = await new Promise((done, failed) => {
  engine.open(JSON.stringify({ paths: [capture], keylog, dir }), () => told++, (problem, text) => (problem ? failed(new Error(problem)) : done(text)));
});
console.log(report);
let n = 0;
for await (const target of createInterface({ input: process.stdin })) {
  const answer = await new Promise((done) => {
    engine.ask(n++, target, (status, type, name, body, file) => done({ status, type, name, file, body: body === null ? null : Buffer.from(body).toString('utf8') }));
  });
  console.log(JSON.stringify(answer));
}
process.exit(told >= 0 ? 0 : 1);
