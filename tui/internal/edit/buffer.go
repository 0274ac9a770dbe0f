// Package edit is a text that is being edited: lines, a cursor, undo. The screens draw it and hand it keys.
//
// It is not for drawing and not for files. What is not touched stays as it was, byte for byte.
package edit

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Buffer is a text with a cursor. The zero Buffer is an empty text; New makes others.
type Buffer struct {
	lines    []string // at least one
	row, col int      // of the cursor; col counts characters
	want     int      // column that Up and Down try to keep
	undo     []state
	redo     []state
	typing   bool // the last change was a typed character: the next one is undone with it
	saved    string
}

type state struct {
	lines    []string
	row, col int
}

// maxUndo is how many changes can be taken back.
const maxUndo = 200

// New makes a buffer of a text, with the cursor at its beginning.
func New(text string) *Buffer { return &Buffer{lines: strings.Split(text, "\n"), saved: text} }

// Text is the text as it is now.
func (b *Buffer) Text() string { return strings.Join(b.lines, "\n") }

// Dirty reports whether the text differs from what Saved was told last, or from what New was given.
func (b *Buffer) Dirty() bool { return b.Text() != b.saved }

// Saved says that the text is stored as it is.
func (b *Buffer) Saved() { b.saved = b.Text() }

// Lines are the lines of the text, without their line ends. They are the buffer's own.
func (b *Buffer) Lines() []string { return b.lines }

// Cursor is the line and the character in it that the cursor stands before, both from 0.
func (b *Buffer) Cursor() (row, col int) { return b.row, b.col }

// Move puts the cursor on a line and a character, or as near as there is.
func (b *Buffer) Move(row, col int) {
	b.row = min(max(row, 0), len(b.lines)-1)
	b.col = min(max(col, 0), utf8.RuneCountInString(b.lines[b.row]))
	b.want, b.typing = b.col, false
}

// Vertical moves the cursor n lines down, or up when n is negative, and keeps the column where the line is long enough.
func (b *Buffer) Vertical(n int) {
	want := b.want
	b.Move(b.row+n, want)
	b.want = want
}

// Right moves the cursor a character on, to the next line at the end of one.
func (b *Buffer) Right() {
	if b.col == utf8.RuneCountInString(b.lines[b.row]) && b.row+1 < len(b.lines) {
		b.Move(b.row+1, 0)
		return
	}
	b.Move(b.row, b.col+1)
}

// Left moves the cursor a character back, to the end of the line before at the beginning of one.
func (b *Buffer) Left() {
	if b.col == 0 && b.row > 0 {
		b.End(b.row - 1)
		return
	}
	b.Move(b.row, b.col-1)
}

// End moves the cursor to the end of a line.
func (b *Buffer) End(row int) { b.Move(row, int(^uint(0)>>1)) }

// Insert puts text before the cursor, and the cursor behind it.
func (b *Buffer) Insert(text string) {
	if text == "" {
		return
	}
	one := utf8.RuneCountInString(text) == 1 && text != "\n"
	if !one || !b.typing {
		b.remember()
	}
	b.insert(text)
	b.typing = one
}

func (b *Buffer) insert(text string) {
	before, after := b.split()
	lines := strings.Split(text, "\n")
	last := len(lines) - 1
	lines[0] = before + lines[0]
	col := utf8.RuneCountInString(lines[last])
	lines[last] += after
	b.lines = slices.Concat(b.lines[:b.row], lines, b.lines[b.row+1:])
	b.Move(b.row+last, col)
}

// Newline breaks the line at the cursor; the new one is indented as the old one is.
func (b *Buffer) Newline() {
	line := b.lines[b.row]
	indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	b.Insert("\n" + indent[:min(len(indent), b.offset())])
}

// Backspace removes the character before the cursor, or the end of the line before.
func (b *Buffer) Backspace() {
	if b.row == 0 && b.col == 0 {
		return
	}
	b.Left()
	b.Delete()
}

// Delete removes the character at the cursor, or the line's end.
func (b *Buffer) Delete() {
	before, after := b.split()
	if after == "" && b.row+1 == len(b.lines) {
		return
	}
	b.remember()
	lines := slices.Clone(b.lines)
	if after == "" {
		lines[b.row] = before + lines[b.row+1]
		lines = slices.Delete(lines, b.row+1, b.row+2)
	} else {
		_, n := utf8.DecodeRuneInString(after)
		lines[b.row] = before + after[n:]
	}
	b.lines = lines
	b.Move(b.row, b.col)
}

// DeleteLine removes the cursor's line.
func (b *Buffer) DeleteLine() {
	b.remember()
	if len(b.lines) == 1 {
		b.lines = []string{""}
	} else {
		b.lines = slices.Delete(slices.Clone(b.lines), b.row, b.row+1)
	}
	b.Move(b.row, 0)
}

// Replace removes characters of the line, so many before the cursor and so many behind it, and puts text there.
func (b *Buffer) Replace(before, behind int, text string) {
	b.remember()
	row, col := b.row, b.col
	b.Move(row, col+behind)
	_, after := b.split()
	b.Move(row, col-before)
	head, _ := b.split()
	b.lines = slices.Clone(b.lines)
	b.lines[row] = head + after
	b.insert(text)
}

// Set makes it another text, which Undo takes back, and puts the cursor on a line.
func (b *Buffer) Set(text string, row int) {
	b.remember()
	b.lines = strings.Split(text, "\n")
	b.Move(row, 0)
}

// Undo takes the last change back.
func (b *Buffer) Undo() { b.undo, b.redo = b.swap(b.undo, b.redo) }

// Redo makes the change again that Undo took back last.
func (b *Buffer) Redo() { b.redo, b.undo = b.swap(b.redo, b.undo) }

func (b *Buffer) swap(from, to []state) (_, _ []state) {
	if len(from) == 0 {
		return from, to
	}
	to = append(to, b.now())
	s := from[len(from)-1]
	b.lines = s.lines
	b.Move(s.row, s.col)
	return from[:len(from)-1], to
}

// remember makes the text as it is what Undo brings back. Lines are never changed in place, so the slice is all there is
// to keep.
func (b *Buffer) remember() {
	if len(b.undo) == maxUndo {
		b.undo = slices.Delete(b.undo, 0, 1)
	}
	b.undo, b.redo = append(b.undo, b.now()), nil
}

func (b *Buffer) now() state { return state{b.lines, b.row, b.col} }

// split is the cursor's line before and after the cursor.
func (b *Buffer) split() (before, after string) {
	at := b.offset()
	return b.lines[b.row][:at], b.lines[b.row][at:]
}

// offset is the cursor's place in its line, in bytes.
func (b *Buffer) offset() int {
	at := 0
	for range b.col {
		_, n := utf8.DecodeRuneInString(b.lines[b.row][at:])
		at += n
	}
	return at
}
