package httpapi

import (
	"fmt"
	"strings"

	"voiptop/rules"
)

// Bounds of the regular expressions of a tenant's rules. A few characters may make a program of a thousand instructions
// (a{1000}), each of some 65 bytes, and reading rules compiles them all.
const (
	maxRepeat  = 1000    // of one place in an expression: regexp/syntax allows no more, nested counts multiplied
	classSize  = 80      // instructions that take as much memory as the table of a \pL
	maxProgram = 2 << 20 // instructions
)

// checkWeight refuses a rule file whose regular expressions may come to more instructions than hosted compiles for a
// stranger. It asks for no grammar and errs on the safe side: no value goes over the end of a line, so a line with counts is
// taken as if all of it were repeated as often as they say together.
func checkWeight(text string) error {
	if !strings.Contains(text, "~") {
		return nil
	}
	total, n := 0, 0
	for line := range strings.Lines(text) {
		n++
		classes := strings.Count(line, `\p`) + strings.Count(line, `\P`)
		times := repeats(line)
		if times == 1 && classes == 0 {
			continue // then it makes no more instructions than it has characters, or twice as many
		}
		if total += (len(line) + classes*classSize) * times; total > maxProgram {
			return &rules.Error{
				Pos: rules.Pos{Line: n, Col: 1}, Found: "regular expressions that are too large in all",
				Expected: fmt.Sprintf(`fewer or lower counts such as {1000}, and fewer classes such as \pL: at most %d instructions up to here`, maxProgram),
			}
		}
	}
	return nil
}

// repeats multiplies the counts of a line: 6 of "a{2}b{1,3}".
func repeats(line string) int {
	times := 1
	for {
		i := strings.IndexByte(line, '{')
		if i < 0 {
			return times
		}
		line = line[i+1:]
		count, n := 0, 0
		for j := 0; j < len(line) && (line[j] >= '0' && line[j] <= '9' || line[j] == ','); j++ {
			if line[j] == ',' {
				n = 0
				continue
			}
			n = min(10*n+int(line[j]-'0'), maxRepeat)
			count = max(count, n)
		}
		times = min(times*max(count, 1), maxRepeat)
	}
}
