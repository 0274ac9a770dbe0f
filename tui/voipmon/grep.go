package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"voiptop/protocol"
	"voiptop/sensord/analyze"
)

// grepCommand is what `voipmon grep` was asked for.
type grepCommand struct {
	pattern               string
	ignoreCase, fixed     bool
	invert, count, callID bool
	json, utc             bool
	keylog                string
	stdin                 io.Reader
	stdout                io.Writer
}

func newGrep() *cobra.Command {
	var g grepCommand
	c := &cobra.Command{
		Use:   "grep [flags] PATTERN FILE|- ...",
		Short: "find SIP messages by what stands in them, bodies included",
		Long: `Grep reads captures and writes each SIP message that has PATTERN in it, a
regular expression (https://golang.org/s/re2syntax; ^ is the start of the
message, (?m)^ that of a line), with its time and addresses. It reads what the
sensor reads: UDP, TCP in pieces, WebSocket, tunnels, HEP, and TLS with its
keys. With several files their messages come merged by time.`,
		Example: `  voipmon grep 'cause=1[67]' day.pcap
  voipmon grep -i '^(BYE|CANCEL) ' day.pcap
  voipmon grep --fixed 'a=sendonly' --call-ids day.pcap
  tcpdump -U -w - port 5060 | voipmon grep '503 Service' -
  voipmon grep --invert '^OPTIONS |CSeq: [0-9]+ OPTIONS' day.pcap

Exit status:
  0  a message was found
  1  none was
  2  wrong usage, or an input could not be read`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			g.pattern, g.stdin, g.stdout = args[0], c.InOrStdin(), c.OutOrStdout()
			return g.run(c.Context(), args[1:])
		},
	}
	f := c.Flags()
	f.BoolVarP(&g.ignoreCase, "ignore-case", "i", false, "letters are the same in any case")
	f.BoolVarP(&g.fixed, "fixed", "F", false, "PATTERN is text, no expression")
	f.BoolVarP(&g.invert, "invert", "v", false, "messages that have not PATTERN in them")
	f.BoolVarP(&g.count, "count", "c", false, "only how many there are")
	f.BoolVarP(&g.callID, "call-ids", "l", false, "only the Call-IDs, each once, in the order of the first")
	f.BoolVar(&g.json, "json", false, "a message a line, as JSON")
	f.BoolVar(&g.utc, "utc", false, "show times in UTC, not in the local zone")
	f.StringVar(&g.keylog, "keylog", "", "decrypt TLS with the secrets in `FILE`, an SSLKEYLOGFILE")
	c.MarkFlagsMutuallyExclusive("count", "call-ids", "json")
	return c
}

// grepped is a message as --json writes it.
type grepped struct {
	T         protocol.Time `json:"t"`
	CallID    string        `json:"call_id"`
	Src       string        `json:"src"`
	Dst       string        `json:"dst"`
	Transport string        `json:"transport"`
	Text      string        `json:"text"` // what is no UTF-8 in it is replaced
}

func (g *grepCommand) run(ctx context.Context, files []string) error {
	text := g.pattern
	if g.fixed {
		text = regexp.QuoteMeta(text)
	}
	if g.ignoreCase {
		text = "(?i)" + text
	}
	want, err := regexp.Compile(text)
	if err != nil {
		return fmt.Errorf("pattern %q: %w", g.pattern, err)
	}
	var keys []byte
	if g.keylog != "" {
		if keys, err = analyze.ReadKeyLog(g.keylog); err != nil {
			return exitError{2, err.Error()}
		}
	}
	open := func() (analyze.Source, error) { return analyze.Open(files, g.stdin) }
	live := len(files) == 1 && files[0] == "-"
	if live {
		open = func() (analyze.Source, error) { return analyze.OpenLive(g.stdin) }
	}
	in, err := open()
	if err != nil {
		return exitError{2, err.Error()}
	}
	defer in.Close()
	w := bufio.NewWriterSize(g.stdout, 64<<10)
	n, ids := 0, map[string]bool{}
	err = analyze.Messages(ctx, in, keys, func(d *analyze.Datagram, callID, message []byte, transport string) error {
		if want.Match(message) == g.invert {
			return nil
		}
		if n++; g.count {
			return nil
		}
		if g.callID {
			if len(ids) >= maxGrepped || ids[string(callID)] {
				return nil
			}
			ids[string(callID)] = true
		}
		if err := g.write(w, d, callID, message, transport); err != nil {
			return writeError{err}
		}
		if live { // somebody is waiting
			return failed(w.Flush())
		}
		return nil
	})
	if g.count {
		fmt.Fprintln(w, n)
	}
	if flushed := w.Flush(); err == nil {
		err = failed(flushed)
	}
	for _, v := range in.Stats().Warnings {
		if err == nil {
			err = fmt.Errorf("%s: at byte %d: %s", v.Input, v.Offset, v.Text)
		}
	}
	switch {
	case err != nil:
		return exitError{2, err.Error()}
	case n == 0:
		return exitError{1, ""}
	}
	return nil
}

// maxGrepped bounds the Call-IDs that are remembered.
const maxGrepped = 1 << 20

func (g *grepCommand) write(w *bufio.Writer, d *analyze.Datagram, callID, message []byte, transport string) error {
	t := protocol.TimeFromNanos(d.Time)
	switch {
	case g.callID:
		_, err := fmt.Fprintln(w, harmless(string(callID)))
		return err
	case g.json:
		b, err := json.Marshal(grepped{t, valid(callID), d.Src.String(), d.Dst.String(), transport, valid(message)})
		if err == nil {
			_, err = w.Write(append(b, '\n'))
		}
		return err
	}
	at := t.Std()
	if g.utc {
		at = at.UTC()
	} else {
		at = at.Local()
	}
	if _, err := fmt.Fprintf(w, "-- %s  %s > %s  %s\n", at.Format("2006-01-02 15:04:05.000000 MST"), d.Src, d.Dst, transport); err != nil {
		return err
	}
	for line := range strings.Lines(valid(message)) {
		if _, err := fmt.Fprintln(w, harmless(strings.TrimRight(line, "\r\n"))); err != nil {
			return err
		}
	}
	return nil
}

func valid(b []byte) string { return strings.ToValidUTF8(string(b), string(utf8.RuneError)) }

// harmless is text without what a terminal would obey.
func harmless(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return ' '
		}
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			return '?'
		}
		return r
	}, s)
}
