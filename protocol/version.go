package protocol

import (
	"fmt"
	"runtime"
)

// Version and Commit identify the build. The Makefile sets them with -ldflags -X.
var (
	Version = "0.0.0-dev"
	Commit  = "unknown"
)

// VersionLine is what `PROGRAM --version` prints: program, version, commit, operating system and architecture.
func VersionLine(program string) string {
	return fmt.Sprintf("%s %s (commit %s) %s/%s", program, Version, Commit, runtime.GOOS, runtime.GOARCH)
}
