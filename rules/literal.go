package rules

import "regexp/syntax"

// maxRegexp bounds a regular expression: x{1000} counts a thousand.
const maxRegexp = 20_000

// regexpSize is about how many instructions a regular expression takes, 0 if it is not one. Counted repetitions are unrolled.
func regexpSize(expr string) int {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return 0
	}
	return sizeOf(re)
}

func sizeOf(re *syntax.Regexp) int {
	const most = 1 << 20
	n := min(1+len(re.Rune), most)
	for _, sub := range re.Sub {
		n = min(n+sizeOf(sub), most)
	}
	if re.Op == syntax.OpRepeat { // at most a thousand times
		n = min(n*max(re.Min, re.Max, 1), most)
	}
	return n
}

// literals answers what every match of a regular expression begins with, and the longest text that it holds in any case;
// "" where nothing can be said. Texts that do not hold it need not be tried.
func literals(expr string) (begin, within string) {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return "", ""
	}
	re = re.Simplify() // bounded by maxRegexp
	if re.Op == syntax.OpConcat && len(re.Sub) > 1 && re.Sub[0].Op == syntax.OpBeginText {
		begin = literal(re.Sub[1])
	}
	return begin, longestLiteral(re)
}

// literal is the text that an expression is, "" if it is not one or letters' case does not count in it.
func literal(re *syntax.Regexp) string {
	for re.Op == syntax.OpCapture {
		re = re.Sub[0]
	}
	if re.Op != syntax.OpLiteral || re.Flags&syntax.FoldCase != 0 {
		return ""
	}
	return string(re.Rune)
}

func longestLiteral(re *syntax.Regexp) string {
	best := literal(re)
	switch re.Op {
	case syntax.OpConcat, syntax.OpCapture, syntax.OpPlus:
		for _, sub := range re.Sub {
			if s := longestLiteral(sub); len(s) > len(best) {
				best = s
			}
		}
	}
	return best
}
