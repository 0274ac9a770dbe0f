package store

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Role is what a user may do in the tenant. What a user may do with calls, beside seeing them, is said by Rights.
type Role string

// The roles.
const (
	RoleAdmin  Role = "admin"  // administers users and sensors, reads the audit log
	RoleUser   Role = "user"   // works with calls
	RoleViewer Role = "viewer" // looks at calls
)

// Valid reports whether r is one of the roles.
func (r Role) Valid() bool { return r == RoleAdmin || r == RoleUser || r == RoleViewer }

// Rights are those that a user of the role has unless somebody says otherwise.
func (r Role) Rights() Rights {
	switch r {
	case RoleAdmin:
		return AllRights
	case RoleUser:
		return RightListen | RightDownload | RightNumbers | RightExport
	case RoleViewer:
		return RightNumbers
	}
	return 0
}

// Rights is a set of what a user may do with calls. To see them, with their numbers masked, needs none.
type Rights uint8

// The rights. Their words (String) are in the databases and the API.
const (
	RightListen   Rights = 1 << iota // hear a call's audio
	RightDownload                    // have a call's packets
	RightRules                       // change capture rules, hosted's and a sensor's own
	RightNumbers                     // see telephone numbers whole, not masked
	RightExport                      // take the records of many calls along as a file

	AllRights = RightListen | RightDownload | RightRules | RightNumbers | RightExport
)

var rightWords = []string{"listen", "download", "rules", "numbers", "export"} // by bit

// Has reports whether all of want are in r.
func (r Rights) Has(want Rights) bool { return r&want == want }

// Words lists the rights, in a fixed order; it is never nil.
func (r Rights) Words() []string {
	words := []string{}
	for i, w := range rightWords {
		if r&(1<<i) != 0 {
			words = append(words, w)
		}
	}
	return words
}

// String is the words between commas: "listen,download".
func (r Rights) String() string { return strings.Join(r.Words(), ",") }

// ParseRights reads words, in any order.
func ParseRights(words []string) (r Rights, err error) {
	for _, w := range words {
		i := slices.Index(rightWords, w)
		if i < 0 {
			return 0, fmt.Errorf("right %q: want %s", w, strings.Join(rightWords, ", "))
		}
		r |= 1 << i
	}
	return r, nil
}

// MarshalJSON gives the list of the words.
func (r Rights) MarshalJSON() ([]byte, error) { return json.Marshal(r.Words()) }

// UnmarshalJSON reads a list of words.
func (r *Rights) UnmarshalJSON(b []byte) (err error) {
	var words []string
	if err := json.Unmarshal(b, &words); err != nil {
		return err
	}
	*r, err = ParseRights(words)
	return err
}
