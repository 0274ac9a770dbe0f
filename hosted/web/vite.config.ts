import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';
import type { Mock } from './src/dev/mock';

// What the browser loads must stay below this, gzipped: the GUI is opened over slow links, often in an emergency.
const BUDGET = 80 * 1024;

// budget prints what the browser loads and fails the build above the limit. It also puts back dist/.keep, which lets
// `go build` embed the folder before the GUI was ever built.
function budget(): Plugin {
  let dir = '';
  return {
    name: 'budget',
    apply: 'build',
    configResolved(config) {
      dir = resolve(config.root, config.build.outDir);
    },
    closeBundle() {
      let total = 0;
      for (const f of readdirSync(dir, { recursive: true, encoding: 'utf8' })) {
        if (/\.(js|css|html|svg)$/.test(f)) total += gzipSync(readFileSync(join(dir, f))).length;
      }
      writeFileSync(join(dir, '.keep'), '');
      console.log(`gzipped in all: ${(total / 1024).toFixed(1)} KiB of ${BUDGET / 1024} KiB`);
      if (total > BUDGET) throw new Error(`the GUI is ${total} bytes gzipped; at most ${BUDGET} are allowed (vite.config.ts)`);
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
  plugins: [licences(), budget(), ...(api ? [] : [mockAPI()])],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: { target: 'es2022', outDir: 'dist', emptyOutDir: true, modulePreload: { polyfill: false }, reportCompressedSize: true },
  server: api ? { proxy: { '/api': { target: api, changeOrigin: true } } } : {},
  test: { include: ['src/**/*.test.ts'], environment: 'node', env: { TZ: 'Europe/Prague' } },
});
