package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"voiptop/protocol"
	"voiptop/sensord/analyze"
	"voiptop/tui/source"
)

// pastCalls says where `rules test` and `rules explain` get calls from: captures, a file of CDRs, a sensor or hosted.
type pastCalls struct {
	captures []string
	file     string // of CDRs, one a line
	source   source.Options
	limit    int // of a sensor's or hosted's
	stdin    io.Reader
	warnings []analyze.Warning // captures that were cut or damaged
}

func (p *pastCalls) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVarP(&p.captures, "read", "r", nil, "a capture `FILE` or folder; may be repeated")
	f.StringVar(&p.file, "calls", "", "past calls in `FILE`, one JSON object a line as `voipmon analyze --json` writes them; - is standard input")
	f.StringVar(&p.source.Socket, "sensor", "", "past calls of the sensor that listens on `SOCKET`")
	f.StringVar(&p.source.Hosted, "hosted", "", "past calls of the hosted service at `URL`; the API token is in VOIPTOP_TOKEN or ~/.config/voiptop/token")
	cmd.PreRunE = func(*cobra.Command, []string) error {
		n := 0
		for _, name := range []string{"read", "calls", "sensor", "hosted"} {
			if f.Changed(name) {
				n++
			}
		}
		if n != 1 {
			return fmt.Errorf("whose calls? Want one of -r FILE, --calls FILE, --sensor SOCKET and --hosted URL, not %d", n)
		}
		if l := f.Lookup("limit"); l != nil && p.limit < 1 {
			return fmt.Errorf("--limit %d: want 1 or more", p.limit)
		}
		return nil
	}
}

// damage tells of captures that could not be read to their end, and makes the exit status 1 if there are some.
func (p *pastCalls) damage(stderr io.Writer) error {
	for _, v := range p.warnings {
		fmt.Fprintf(stderr, "warning: %s: at byte %d: %s\n", v.Input, v.Offset, v.Text)
	}
	if len(p.warnings) > 0 {
		return exitError{1, ""}
	}
	return nil
}

// each calls f with past calls: all of a file, or the newest of a sensor or hosted, at most p.limit of these.
func (p *pastCalls) each(ctx context.Context, f func(*protocol.CDR)) error {
	if p.file != "" {
		return p.eachLine(ctx, f)
	}
	src, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer src.Close()
	after := ""
	for left := p.limit; left > 0; {
		page, next, err := src.Calls(ctx, min(left, 1000), after)
		if err != nil {
			return err
		}
		for i := range page {
			f(&page[i])
		}
		if left -= len(page); next == "" || len(page) == 0 {
			return nil
		}
		after = next
	}
	return nil
}

func (p *pastCalls) open(ctx context.Context) (source.Source, error) {
	p.source.Token = os.Getenv("VOIPTOP_TOKEN")
	return source.Open(ctx, p.source)
}

const maxCDRLine = 16 << 20 // bytes

func (p *pastCalls) eachLine(ctx context.Context, f func(*protocol.CDR)) error {
	in, name := p.stdin, "standard input"
	if p.file != "-" {
		file, err := os.Open(p.file)
		if err != nil {
			return fmt.Errorf("read calls: %w", err)
		}
		defer file.Close()
		in, name = file, p.file
	}
	sc := bufio.NewScanner(in)
	sc.Buffer(make([]byte, 64<<10), maxCDRLine)
	for line := 1; sc.Scan(); line++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if len(sc.Bytes()) == 0 {
			continue
		}
		var c protocol.CDR
		if err := json.Unmarshal(sc.Bytes(), &c); err != nil {
			return fmt.Errorf("%s:%d: %w: want a CDR as `voipmon analyze --json` writes it", name, line, err)
		}
		f(&c)
	}
	if errors.Is(sc.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("%s: a line of more than %d bytes", name, maxCDRLine)
	}
	return sc.Err()
}
