// Package plural writes how many there are of a thing: "1 call", "2 calls". All programs of the terminal use it.
//
// It is not for words whose plural is not made with an s: messages are put so that they need none.
package plural

import "strconv"

// Of is n and the word, which stands for one thing.
func Of[N ~int | ~int64 | ~uint64 | ~uint32](n N, word string) string {
	if n != 1 {
		word += "s"
	}
	return strconv.FormatInt(int64(n), 10) + " " + word
}
