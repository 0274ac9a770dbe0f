//go:build !linux

package capture

import (
	"fmt"
	"runtime"
)

// Live listens on interfaces. It works on Linux only.
func Live([]string, LiveOptions) (Source, error) {
	return nil, fmt.Errorf("capture from an interface works on Linux only, this is %s: read a capture file instead (-r FILE)", runtime.GOOS)
}
