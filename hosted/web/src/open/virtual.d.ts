// What vite.config.ts makes of the program in engine/.

declare module 'virtual:engine' {
  export const engineURL: string; // '': it was not built
  export const engineSize: number; // bytes, gzipped
}
declare module 'virtual:wasm-exec'; // Go's own wasm_exec.js
