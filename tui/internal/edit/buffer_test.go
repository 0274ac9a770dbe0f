package edit

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestKeysChangeTheTextAtTheCursor(t *testing.T) {
	for _, c := range []struct {
		name, text string
		do         func(b *Buffer)
		want       string // with the cursor as |
	}{
		{"typing", "ab", func(b *Buffer) { b.Right(); b.Insert("x") }, "ax|b"},
		{"wide characters", "čaj", func(b *Buffer) { b.Right(); b.Right(); b.Insert("日") }, "ča日|j"},
		{"pasting lines", "ab", func(b *Buffer) { b.Right(); b.Insert("1\n2\n3") }, "a1\n2\n3|b"},
		{"breaking a line keeps its indent", "  when x", func(b *Buffer) { b.End(0); b.Newline() }, "  when x\n  |"},
		{"breaking inside the indent", "    x", func(b *Buffer) { b.Move(0, 2); b.Newline() }, "  \n  |  x"},
		{"backspace", "ab", func(b *Buffer) { b.End(0); b.Backspace() }, "a|"},
		{"backspace at the beginning of a line", "a\nb", func(b *Buffer) { b.Move(1, 0); b.Backspace() }, "a|b"},
		{"backspace at the beginning", "a", func(b *Buffer) { b.Backspace() }, "|a"},
		{"delete", "ab", func(b *Buffer) { b.Delete() }, "|b"},
		{"delete a line's end", "a\nb", func(b *Buffer) { b.End(0); b.Delete() }, "a|b"},
		{"delete at the end", "a", func(b *Buffer) { b.End(0); b.Delete() }, "a|"},
		{"delete a line", "a\nb\nc", func(b *Buffer) { b.Move(1, 0); b.DeleteLine() }, "a\n|c"},
		{"delete the only line", "a", func(b *Buffer) { b.DeleteLine() }, "|"},
		{"left over a line's beginning", "a\nb", func(b *Buffer) { b.Move(1, 0); b.Left() }, "a|\nb"},
		{"right over a line's end", "a\nb", func(b *Buffer) { b.End(0); b.Right() }, "a\n|b"},
		{"down keeps the column", "abcd\nx\nabcd", func(b *Buffer) { b.Move(0, 3); b.Vertical(1); b.Vertical(1) }, "abcd\nx\nabc|d"},
		{"far beyond", "a\nb", func(b *Buffer) { b.Vertical(9); b.Vertical(-9) }, "|a\nb"},
		{"replace a word", "caller:10 cal", func(b *Buffer) { b.End(0); b.Replace(3, 0, "callee:") }, "caller:10 callee:|"},
		{"replace the word around", "a cal b", func(b *Buffer) { b.Move(0, 3); b.Replace(1, 2, "callee:") }, "a callee:| b"},
		{"undo typing", "ab", func(b *Buffer) { b.End(0); b.Insert("c"); b.Insert("d"); b.Undo() }, "ab|"},
		{"undo and redo", "ab", func(b *Buffer) { b.DeleteLine(); b.Undo(); b.Redo() }, "|"},
		{"undo a replacement", "cal", func(b *Buffer) { b.End(0); b.Replace(3, 0, "callee:"); b.Undo() }, "cal|"},
		{"a change after undo cannot be redone", "ab", func(b *Buffer) { b.Delete(); b.Undo(); b.Insert("x"); b.Redo() }, "x|ab"},
		{"undo another text", "a\nb", func(b *Buffer) { b.Set("x", 0); b.Undo() }, "|a\nb"},
		{"nothing to undo", "ab", func(b *Buffer) { b.Undo(); b.Redo() }, "|ab"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := New(c.text)
			c.do(b)
			got := b.Text()
			want, cursor := strings.Replace(c.want, "|", "", 1), ""
			row, col := b.Cursor()
			for i, l := range b.Lines() {
				if i > 0 {
					cursor += "\n"
				}
				if i == row {
					r := []rune(l)
					l = string(r[:col]) + "|" + string(r[col:])
				}
				cursor += l
			}
			if got != want || cursor != c.want {
				t.Errorf("%q, want %q", cursor, c.want)
			}
		})
	}
}

func TestDirtyUntilSavedOrUndone(t *testing.T) {
	b := New("a")
	b.Insert("x")
	if !b.Dirty() {
		t.Error("a change is not seen")
	}
	b.Undo()
	if b.Dirty() {
		t.Error("a change taken back is still seen")
	}
	b.Insert("x")
	if b.Saved(); b.Dirty() {
		t.Error("saved, and yet dirty")
	}
}

func FuzzCursorStaysInTheTextAndUndoBringsItBack(f *testing.F) {
	f.Add("a\tb\r\nč\xff\n", []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Fuzz(func(t *testing.T, text string, ops []byte) {
		b := New(text)
		if b.Text() != text {
			t.Fatalf("%q became %q", text, b.Text())
		}
		for _, op := range ops[:min(len(ops), maxUndo/2)] {
			switch op % 11 {
			case 0:
				b.Insert("é")
			case 1:
				b.Newline()
			case 2:
				b.Backspace()
			case 3:
				b.Delete()
			case 4:
				b.Left()
			case 5:
				b.Right()
			case 6:
				b.Vertical(int(op) - 128)
			case 7:
				b.End(int(op))
			case 8:
				b.DeleteLine()
			case 9:
				b.Replace(2, 1, "a\nb")
			case 10:
				b.Insert("\n\n")
			}
			if row, col := b.Cursor(); row < 0 || row >= len(b.Lines()) || col < 0 || col > utf8.RuneCountInString(b.Lines()[row]) {
				t.Fatalf("cursor %d,%d in %q", row, col, b.Lines())
			}
		}
		for range maxUndo {
			b.Undo()
		}
		if b.Text() != text {
			t.Errorf("all undone, %q is %q", text, b.Text())
		}
	})
}
