// Package web holds the browser's GUI: TypeScript and Preact sources, and the files that `npm run build` makes of them,
// embedded into hosted. hosted/internal/httpapi serves them.
//
// It is not for behaviour: everything the GUI shows comes from the HTTP API under /api/v1. The built files are never
// committed; without `make build` the file system is empty but for a marker.
package web

import (
	"embed"
	"fmt"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// FS is the built GUI: index.html, favicon.svg, and assets/ with a content hash in each file's name.
func FS() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(fmt.Sprintf("web: embedded GUI: %v", err)) // "dist" is a valid path: cannot happen
	}
	return sub
}
