package rules

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

const editable = `# Rules of the Prague office. Ask Jana before you change them.

zone Europe/Prague
group vip: 1001 1002

# the board is never recorded
board:  keep none  when number:(2000 2001)   # really

# ticket 4711
# second line
prague: keep rtp
    when callee:4202* or src:10.9.0.0/16
    off
    note "off # not a comment"
    # until it is mended

rest:   keep sip
`

func TestEditsLeaveTheRestAsItIs(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(e *Editor) error
		want func(s string) string
	}{
		"off": {
			func(e *Editor) error { return e.SetOff("board", true) },
			func(s string) string { return strings.Replace(s, "keep none", "keep none off", 1) },
		},
		"on, from a line of its own": {
			func(e *Editor) error { return e.SetOff("prague", false) },
			func(s string) string { return strings.Replace(s, "    off\n", "", 1) },
		},
		"off twice": {
			func(e *Editor) error { return e.SetOff("prague", true) },
			func(s string) string { return s },
		},
		"on, within a line": {
			func(e *Editor) error {
				if err := e.SetOff("rest", true); err != nil {
					return err
				}
				return e.SetOff("rest", false)
			},
			func(s string) string { return s },
		},
		"delete takes the comments": {
			func(e *Editor) error { return e.Delete("prague") },
			func(s string) string {
				return s[:strings.Index(s, "\n# ticket")] + s[strings.Index(s, "\nrest"):]
			},
		},
		"delete the last": {
			func(e *Editor) error { return e.Delete("rest") },
			func(s string) string { return strings.Replace(s, "\nrest:   keep sip\n", "", 1) },
		},
		"move up": {
			func(e *Editor) error { return e.Move("rest", 0) },
			func(s string) string {
				s = strings.Replace(s, "\nrest:   keep sip\n", "", 1)
				return strings.Replace(s, "# the board", "rest:   keep sip\n\n# the board", 1)
			},
		},
		"move down with its comments": {
			func(e *Editor) error { return e.Move("board", 1) },
			func(s string) string {
				board := "\n# the board is never recorded\nboard:  keep none  when number:(2000 2001)   # really\n"
				return strings.Replace(strings.Replace(s, board, "", 1), "\nrest:", board+"\nrest:", 1)
			},
		},
		"move to the end": {
			func(e *Editor) error { return e.Move("board", 9) },
			func(s string) string {
				board := "\n# the board is never recorded\nboard:  keep none  when number:(2000 2001)   # really\n"
				return strings.Replace(s, board, "", 1) + board
			},
		},
		"add at the end": {
			func(e *Editor) error { return e.Add("# why\nnew: keep headers when caller:@vip", 99) },
			func(s string) string { return s + "\n# why\nnew: keep headers when caller:@vip\n" },
		},
		"add first": {
			func(e *Editor) error { return e.Add("new: keep headers", 0) },
			func(s string) string {
				return strings.Replace(s, "# the board", "new: keep headers\n\n# the board", 1)
			},
		},
	} {
		e, err := Edit(editable)
		if err != nil {
			t.Fatal(err)
		}
		if err := tc.edit(e); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if want := tc.want(editable); e.Text() != want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, e.Text(), want)
		}
	}
}

func TestEditsThatAreWrongChangeNothing(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(e *Editor) error
		want string
	}{
		"unknown rule":      {func(e *Editor) error { return e.Delete("bord") }, `no rule "bord"; did you mean "board"?`},
		"new rule is wrong": {func(e *Editor) error { return e.Add("# x\nnew: kep sip", 1) }, `2:6: found "kep", expected "keep"; did you mean "keep"?`},
		"name is taken":     {func(e *Editor) error { return e.Add("rest: keep sip", 0) }, `found the name "rest" again`},
		"not one rule":      {func(e *Editor) error { return e.Add("a: keep sip\nb: keep sip", 1) }, "expected the text of one"},
		"no rule at all":    {func(e *Editor) error { return e.Add("# only a comment", 1) }, "expected the text of one"},
	} {
		e, err := Edit(editable)
		if err != nil {
			t.Fatal(err)
		}
		err = tc.edit(e)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want %s", name, err, tc.want)
		}
		if e.Text() != editable {
			t.Errorf("%s: the text has changed", name)
		}
	}
}

func names(e *Editor) (list []string) {
	for _, r := range e.Rules() {
		list = append(list, r.Name)
	}
	return list
}

// FuzzEdit: after any edits the other rules, their order and every line that is not part of the edit are as they were.
func FuzzEdit(f *testing.F) {
	f.Add(editable, uint64(1))
	f.Add("a: keep sip\nb: keep sip off # x\n\n\n#c\nc: keep rtp", uint64(2))
	f.Add("a: keep sip when x\r\n\r\n # y\r\nb: keep none\r\n", uint64(3))
	f.Add("group g: 1\na: keep sip off note \"x\"", uint64(4))
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		e, err := Edit(text)
		if err != nil || len(e.Rules()) == 0 {
			return
		}
		r := rand.New(rand.NewPCG(seed, seed))
		for range 4 {
			before, was := e.Text(), names(e)
			if len(was) == 0 {
				return
			}
			i, j := r.IntN(len(was)), r.IntN(len(was))
			name := was[i]
			want := slices.Clone(was)
			switch r.IntN(4) {
			case 0:
				off := r.IntN(2) == 0
				if err := e.SetOff(name, off); err != nil {
					t.Fatalf("switch %q: %v\n%q", name, err, before)
				}
				if e.Rules()[i].Off != off {
					t.Fatalf("%q is not switched\n%q", name, e.Text())
				}
			case 1:
				if err := e.Move(name, j); err != nil {
					t.Fatalf("move %q: %v\n%q", name, err, before)
				}
				want = slices.Insert(slices.Delete(want, i, i+1), j, name)
				if a, b := sortedLines(before), sortedLines(e.Text()); !slices.Equal(a, b) {
					t.Fatalf("moving %q changed lines\n%q\n%q", name, before, e.Text())
				}
			case 2:
				if err := e.Delete(name); err != nil {
					t.Fatalf("delete %q: %v\n%q", name, err, before)
				}
				want = slices.Delete(want, i, i+1)
			case 3:
				if slices.Contains(was, "fresh") {
					continue
				}
				if err := e.Add("# new\nfresh: keep rtp\n  when caller:1", j); err != nil {
					t.Fatalf("add: %v\n%q", err, before)
				}
				want = slices.Insert(want, j, "fresh")
			}
			if got := names(e); !slices.Equal(got, want) {
				t.Fatalf("rules %q, want %q\nbefore %q\nafter %q", got, want, before, e.Text())
			}
		}
	})
}

func sortedLines(s string) (list []string) {
	for _, l := range strings.Split(s, "\n") {
		if l = strings.TrimSpace(l); l != "" {
			list = append(list, l)
		}
	}
	slices.Sort(list)
	return list
}
