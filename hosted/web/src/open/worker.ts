// The worker that reads captures: Go's runtime, the engine (tui/wasm), and the files that it sees. hosted serves it with a policy that
// allows it no connection at all (docs/open.md): what it reads can leave it only to the page.

import 'virtual:wasm-exec';
import { Files } from './files';
import type { Order, Word } from './words';

interface Engine {
  open(options: string, progress: (packets: number, calls: number) => void, done: (problem: string, report: string) => void): void;
  ask(n: number, target: string, done: (status: number, type: string, name: string, body: Uint8Array<ArrayBuffer> | null, file: string, once: boolean) => void): void;
  cancel(n: number): void;
}

interface Runtime {
  importObject: WebAssembly.Imports;
  run(instance: WebAssembly.Instance): Promise<void>;
}

declare const Go: new () => Runtime;
declare const voiptop: Engine;

const PERIOD = 100; // ms between two words about progress

const say = (w: Word) => postMessage(w);
const read = new Map<string, number>(); // bytes, by path
const files = new Files((path, at) => {
  if (at > (read.get(path) ?? 0)) read.set(path, at);
});

async function open({ wasm, files: given, keylog }: Extract<Order, { do: 'open' }>) {
  const paths = given.map((f, i) => `/capture/${i}/${f.name.replaceAll('/', '_') || 'capture'}`);
  given.forEach((f, i) => files.give(paths[i]!, f));
  const keys = keylog ? '/keys' : '';
  if (keylog) files.give(keys, keylog);
  const go = new Go();
  // wasm_exec.js has put files of its own there that do nothing, but for standard output.
  Object.assign((globalThis as unknown as { fs: object }).fs, files);
  const { instance } = await WebAssembly.instantiate(wasm, go.importObject);
  void go.run(instance).then(died, died);
  let last = 0;
  voiptop.open(
    JSON.stringify({ paths, keylog: keys, dir: '/scratch' }),
    (packets, calls) => {
      const now = performance.now();
      if (now - last < PERIOD) return;
      last = now;
      say({ tell: 'progress', read: [...read.values()].reduce((a, b) => a + b, 0), packets, calls });
    },
    (problem, report) => say({ tell: 'opened', problem, report }),
  );
}

// died says that the engine ended, which it does only by itself when it has no memory any more, or has a fault.
function died(e: unknown) {
  say({ tell: 'died', why: files.said.trim().split('\n')[0] || (e instanceof Error ? e.message : '') });
}

onmessage = (e: MessageEvent<Order>) => {
  const order = e.data;
  switch (order.do) {
    case 'open':
      open(order).catch(died);
      break;
    case 'ask':
      voiptop.ask(order.n, order.target, (status, type, name, body, file, once) => {
        const blob = body ? new Blob([body], { type }) : (files.take(file) ?? new Blob()).slice(undefined, undefined, type);
        if (once) files.remove(file);
        say({ tell: 'answer', n: order.n, status, type, name, body: blob });
      });
      break;
    case 'cancel':
      voiptop.cancel(order.n);
  }
};
