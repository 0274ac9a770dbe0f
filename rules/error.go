package rules

import "fmt"

// Pos is a place in a text: line and column from 1, the column counted in characters.
type Pos struct {
	Line, Col int
}

// Error says where a text is wrong, what was found there, what was expected and what was probably meant.
type Error struct {
	File     string // "" for an expression without a file
	Pos      Pos
	Found    string
	Expected string
	Nearest  string // nearest valid word, ""
}

func (e *Error) Error() string {
	s := ""
	if e.File != "" {
		s = e.File + ":"
	}
	s += fmt.Sprintf("%d:%d: found %s, expected %s", e.Pos.Line, e.Pos.Col, e.Found, e.Expected)
	if e.Nearest != "" {
		s += fmt.Sprintf("; did you mean %q?", e.Nearest)
	}
	return s
}
