import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';
import type { Mock } from './src/dev/mock';

// What the browser loads must stay below these, gzipped: the GUI is opened over slow links, often in an emergency.
const FIRST = 80 * 1024; // by the first page, the calls
const ALL = 160 * 1024; // by all pages together
const ENGINE = 3500 * 1024; // by the analysis engine, for the page that opens captures; the browser keeps it

// budget prints what the browser loads and fails the build above the limits. It also puts back dist/.keep, which lets
// `go build` embed the folder before the GUI was ever built.
function budget(): Plugin {
  let dir = '';
  const first = new Set(['index.html', 'favicon.svg']);
  return {
    name: 'budget',
    apply: 'build',
    configResolved(config) {
      dir = resolve(config.root, config.build.outDir);
    },
    writeBundle(_options, bundle) {
      const take = (file: string) => {
        const chunk = bundle[file];
        if (first.has(file) || chunk?.type !== 'chunk') return;
        first.add(file);
        for (const css of chunk.viteMetadata?.importedCss ?? []) first.add(css);
        chunk.imports.forEach(take);
      };
      for (const c of Object.values(bundle)) if (c.type === 'chunk' && c.isEntry) take(c.fileName);
    },
    closeBundle() {
      let all = 0;
      let begin = 0;
      let engine = 0;
      for (const f of readdirSync(dir, { recursive: true, encoding: 'utf8' })) {
        if (f.endsWith('.wasm.gz')) engine += readFileSync(join(dir, f)).length;
        if (!/\.(js|css|html|svg)$/.test(f)) continue;
        const size = gzipSync(readFileSync(join(dir, f))).length;
        all += size;
        if (first.has(f)) begin += size;
      }
      writeFileSync(join(dir, '.keep'), '');
      for (const [what, size, most] of [['the first page loads', begin, FIRST], ['all pages load', all, ALL], ['the engine is', engine, ENGINE]] as const) {
        console.log(`gzipped, ${what} ${(size / 1024).toFixed(1)} KiB of ${most / 1024} KiB`);
        if (size > most) throw new Error(`${what} ${size} bytes gzipped; at most ${most} are allowed (vite.config.ts)`);
      }
    },
  };
}

// program is the engine, packed and named by what is in it; null: it was not built.
const program = once(() => {
  const file = resolve('engine/engine.wasm');
  if (!existsSync(file)) return null;
  const wasm = readFileSync(file);
  return { wasm, packed: gzipSync(wasm, { level: 9 }), name: `assets/engine-${createHash('sha256').update(wasm).digest('base64url').slice(0, 8)}.wasm` };
});

function once<T>(make: () => T): () => T {
  let made: { value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}

// engine brings in the program that `make engine` builds of tui/wasm, and what Go's runtime needs beside it. The program is put there
// gzipped only: hosted unpacks it for the few that want it otherwise. Without it the GUI is built, too, and its page says so.
function engine(): Plugin {
  const texts: Record<string, () => string> = {
    'virtual:engine': () => `export const engineURL = ${JSON.stringify(program() ? `/${program()!.name}` : '')}, engineSize = ${program()?.packed.length ?? 0};`,
    'virtual:wasm-exec': () => (program() ? readFileSync(resolve('engine/wasm_exec.js'), 'utf8') : ''),
  };
  return {
    name: 'engine',
    resolveId: (id) => (id in texts ? `\0${id}` : null),
    load: (id) => texts[id.slice(1)]?.() ?? null,
    generateBundle(options) {
      const p = program();
      if (!p) this.warn('engine/engine.wasm is not there: the page that opens captures will say so. `make engine` builds it.');
      else if (!options.entryFileNames?.toString().includes('engine-')) this.emitFile({ type: 'asset', fileName: `${p.name}.gz`, source: p.packed }); // once, not with the worker
    },
    configureServer(server) {
      server.middlewares.use((req, res, next) => (/^\/assets\/engine-.*\.wasm$/.test(req.url ?? '') && program() ? res.setHeader('Content-Type', 'application/wasm').end(program()!.wasm) : next()));
    },
  };
}

// licences puts the licences of what is bundled beside it, as they ask for.
function licences(): Plugin {
  return {
    name: 'licences',
    apply: 'build',
    generateBundle() {
      const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: Record<string, string> };
      const text = Object.keys(dependencies).map((name) => `${name}\n\n${readFileSync(join('node_modules', name, 'LICENSE'), 'utf8')}`);
      if (existsSync('engine/LICENSE')) text.push(`Go, in the analysis engine\n\n${readFileSync('engine/LICENSE', 'utf8')}`);
      this.emitFile({ type: 'asset', fileName: 'licences.txt', source: text.join('\n\n') });
    },
  };
}

// mockAPI answers /api/v1 from src/dev in the development server. The module is loaded there only.
function mockAPI(): Plugin {
  return {
    name: 'mock-api',
    apply: 'serve',
    async configureServer(server) {
      if (server.config.mode === 'test') return;
      const { Mock: Server } = (await server.ssrLoadModule('/src/dev/mock.ts')) as { Mock: typeof Mock };
      const mock = new Server();
      server.middlewares.use('/api/v1', (req, res) => mock.serve(req, res));
    },
  };
}

// `npm run dev` answers /api/v1 from src/dev; with API=http://127.0.0.1:8080 it asks a running hosted instead.
const api = process.env.API;

export default defineConfig({
  plugins: [engine(), licences(), budget(), ...(api ? [] : [mockAPI()])],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: { target: 'es2022', outDir: 'dist', emptyOutDir: true, modulePreload: { polyfill: false }, reportCompressedSize: true },
  worker: { format: 'es', plugins: () => [engine()], rollupOptions: { output: { entryFileNames: 'assets/engine-[hash].js' } } }, // hosted knows it by this name
  server: api ? { proxy: { '/api': { target: api, changeOrigin: true } } } : {},
  test: { include: ['src/**/*.test.ts'], environment: 'node', env: { TZ: 'Europe/Prague' } },
});
