// Package background finds out whether the background of a terminal is dark, by asking it, or by what its environment says. voiptop
// does, before it shows anything.
package background

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/x/term"
	"golang.org/x/sys/unix"
)

// query asks for the background colour (xterm, OSC 11) and then for the device's attributes (DA1, ECMA-48), which every
// terminal answers: when that answer is there, none to the first question will come.
const query = "\x1b]11;?\x1b\\\x1b[c"

// Ask asks the terminal that in and out are, and waits for its answer at most for timeout. known is false when it did not
// say. typed is what the user has typed meanwhile.
func Ask(in, out *os.File, timeout time.Duration) (dark, known bool, typed []byte) {
	mode, err := term.MakeRaw(in.Fd())
	if err != nil {
		return false, false, nil
	}
	defer term.Restore(in.Fd(), mode)
	if _, err := out.WriteString(query); err != nil {
		return false, false, nil
	}
	var got []byte
	for end := time.Now().Add(timeout); !attributes(got) && len(got) < 4096; {
		left := time.Until(end)
		fds := []unix.PollFd{{Fd: int32(in.Fd()), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, int(left.Milliseconds()))
		if err == unix.EINTR && left > 0 {
			continue
		}
		if err != nil || n == 0 || left <= 0 {
			break
		}
		b := make([]byte, 256)
		n, err = unix.Read(int(in.Fd()), b)
		if err != nil || n == 0 {
			break
		}
		got = append(got, b[:n]...)
	}
	return parse(got)
}

// attributes reports whether the answer to DA1 is in b: ESC [ ? numbers c.
func attributes(b []byte) bool {
	_, _, ok := cutAttributes(b)
	return ok
}

func cutAttributes(b []byte) (before, after []byte, ok bool) {
	i := bytes.Index(b, []byte("\x1b[?"))
	if i < 0 {
		return b, nil, false
	}
	n := bytes.IndexFunc(b[i+3:], func(r rune) bool { return r != ';' && (r < '0' || r > '9') })
	if n < 0 || b[i+3+n] != 'c' {
		return b, nil, false
	}
	return b[:i], b[i+3+n+1:], true
}

// parse tells the answers in b from what was typed around them.
func parse(b []byte) (dark, known bool, typed []byte) {
	before, after, _ := cutAttributes(b)
	if head, answer, ok := bytes.Cut(before, []byte("\x1b]11;")); ok {
		end, length := bytes.IndexByte(answer, 7), 1 // BEL, or
		if st := bytes.Index(answer, []byte("\x1b\\")); st >= 0 && (end < 0 || st < end) {
			end, length = st, 2
		}
		if end < 0 {
			end, length = len(answer), 0
		}
		if light, err := luminance(string(answer[:end])); err == nil {
			dark, known = light < 0.5, true
		}
		before = append(bytes.Clone(head), answer[end+length:]...)
	}
	return dark, known, append(bytes.Clone(before), after...)
}

// luminance is how light a colour is, 0..1 (the weights of ITU-R BT.601). s is "rgb:RRRR/GGGG/BBBB", with one to four
// hexadecimal digits each (X11, XParseColor).
func luminance(s string) (float64, error) {
	parts := strings.Split(strings.TrimPrefix(s, "rgb:"), "/")
	if len(parts) != 3 {
		return 0, fmt.Errorf("colour %q: want rgb:RRRR/GGGG/BBBB", s)
	}
	sum := 0.0
	for i, weight := range []float64{0.299, 0.587, 0.114} {
		v, err := strconv.ParseUint(parts[i], 16, 16)
		if err != nil {
			return 0, fmt.Errorf("colour %q: %w", s, err)
		}
		sum += weight * float64(v) / float64(uint64(1)<<(4*len(parts[i]))-1)
	}
	return sum, nil
}

// Told reports what COLORFGBG says of the background: "foreground;background", numbers of the 16 colours, as rxvt, Konsole and
// others set it for the programs in them; it reaches those in a multiplexer as well. Nothing told is dark.
func Told(colorfgbg string) (dark bool) {
	n, err := strconv.Atoi(colorfgbg[strings.LastIndexByte(colorfgbg, ';')+1:])
	return err != nil || n < 7 || n == 8 || n > 15
}
