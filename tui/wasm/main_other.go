//go:build !js

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "this is a program for the browser: `make engine` builds it, and the GUI's page /open runs it")
	os.Exit(2)
}
