package main

import (
	"fmt"
	"net"
	"strconv"

	"github.com/spf13/cobra"

	"voiptop/hosted/internal/httpapi"
)

// maxSTUN is how many servers browsers and sensors ask for their addresses: each delays both.
const maxSTUN = 4

// directFlags are the options of downloads that go from sensors straight to browsers (docs/captures.md).
type directFlags struct {
	on   bool
	stun []string
}

func (f *directFlags) add(c *cobra.Command) {
	c.Flags().BoolVar(&f.on, "direct-downloads", true, "let browsers fetch captures straight from sensors whose owners allow it")
	c.Flags().StringSliceVar(&f.stun, "stun", nil, "`HOST:PORT` of STUN servers that browsers and sensors ask for their public addresses then; none unless set")
}

// settings says what is wrong with the options.
func (f *directFlags) settings() (httpapi.Direct, error) {
	if len(f.stun) > maxSTUN {
		return httpapi.Direct{}, fmt.Errorf("--stun names %d servers: want at most %d", len(f.stun), maxSTUN)
	}
	for _, s := range f.stun {
		host, port, err := net.SplitHostPort(s)
		n, perr := strconv.Atoi(port)
		if err != nil || perr != nil || host == "" || n < 1 || n > 65535 {
			return httpapi.Direct{}, fmt.Errorf("--stun %q: want HOST:PORT, for example stun.example.com:3478", s)
		}
	}
	return httpapi.Direct{Off: !f.on, STUN: f.stun}, nil
}
