// Command wasm is the analysis engine for the browser: GOOS=js GOARCH=wasm, built by `make engine` for the GUI's page /open. It reads
// captures that the user opens there with the engine that sensord runs, and answers the page's questions about them; nothing of a
// capture leaves the browser.
//
// It is the door only: package opened does the work, and hosted/web/src/open/worker.ts is who calls. That one gives it files by the
// interface of Node's fs, which Go's os package speaks on js.
package main
