package rules

import "regexp/syntax"

// literals answers what every match of a regular expression begins with, and the longest text that it holds in any case;
// "" where nothing can be said. Texts that do not hold it need not be tried.
func literals(expr string) (begin, within string) {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return "", ""
	}
	re = re.Simplify()
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
