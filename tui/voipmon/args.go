package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// explainArguments has c and its subcommands say what their arguments are where they got others, which cobra only counts, and refuse
// subcommands that there are not, for which cobra shows the help and ends well.
func explainArguments(c *cobra.Command) {
	for _, sub := range c.Commands() {
		explainArguments(sub)
	}
	if c.HasParent() && c.HasSubCommands() && !c.Runnable() {
		c.DisableFlagsInUseLine = true
		c.Args, c.RunE = cobra.ArbitraryArgs, func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Help()
			}
			var names []string
			for _, sub := range c.Commands() {
				names = append(names, sub.Name())
			}
			return fmt.Errorf("unknown command %q for %q: want one of %s", args[0], c.CommandPath(), strings.Join(names, ", "))
		}
		return
	}
	check := c.Args
	if check == nil {
		return
	}
	c.Args = func(c *cobra.Command, args []string) error {
		if check(c, args) == nil {
			return nil
		}
		got := fmt.Sprintf("%d arguments", len(args))
		switch len(args) {
		case 0:
			got = "no argument"
		case 1:
			got = strconv.Quote(args[0])
		}
		return fmt.Errorf("got %s, want %s; --help has examples", got, c.UseLine())
	}
}
