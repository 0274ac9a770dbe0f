// Package early keeps Bubble Tea's initialisation from asking the terminal for its background colour. That question,
// asked by its init function whatever the program is about to do, waits 5 s on a terminal that does not answer, and
// swallows what is typed meanwhile. While TERM is "dumb" it is not asked. Package background asks better, later.
//
// Packages are initialised in the order of their import paths, as far as their imports allow (Go specification, "Package
// initialization"). This one needs only os, and comes before weak, which Lip Gloss needs. A test of voiptop sees to it.
package early

import "os"

var term, set = os.LookupEnv("TERM")

func init() { os.Setenv("TERM", "dumb") }

// Restore gives TERM its value again. main calls it first.
func Restore() {
	if set {
		os.Setenv("TERM", term)
	} else {
		os.Unsetenv("TERM")
	}
}
