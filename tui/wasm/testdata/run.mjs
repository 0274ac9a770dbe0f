// Runs the engine in Node, on Node's own files: run.mjs WASM_EXEC_JS WASM DIR, and on standard input a line for each capture, its path. The
// output is a line of JSON for each: {"report", "told", "memory" in bytes, "answers": [{"status", "type", "name", "text"}]}, to the questions below.

import fs, { readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';

const [exec, wasm, dir] = process.argv.slice(2);
Object.assign(globalThis, { fs, path });
await import(exec);
const program = await WebAssembly.compile(readFileSync(wasm));

for await (const capture of createInterface({ input: process.stdin })) {
  const go = new globalThis.Go();
  const instance = await WebAssembly.instantiate(program, go.importObject);
  void go.run(instance);
  const engine = globalThis.voiptop;
  let told = 0;
  const report = await new Promise((done, failed) => {
    engine.open(JSON.stringify({ paths: [capture], keylog: '', dir }), () => told++, (problem, text) => (problem ? failed(new Error(problem)) : done(JSON.parse(text))));
  });
  let n = 0;
  const ask = (target) =>
    new Promise((done) => {
      engine.ask(n++, target, (status, type, name, body, file) => done({ status, type, name, text: file ? readFileSync(file, 'latin1') : Buffer.from(body).toString() }));
    });
  const answers = [await ask('/calls.ndjson'), await ask('/calls?limit=2&where=status:200'), await ask('/calls/none')];
  await new Promise((done) => process.stdout.write(JSON.stringify({ report, told, memory: instance.exports.mem.buffer.byteLength, answers }) + '\n', done));
}
process.exit(0);
