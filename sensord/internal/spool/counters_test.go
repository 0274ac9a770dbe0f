package spool

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"voiptop/protocol"
)

// The manual is held to the code.
func TestEveryCounterIsInTheManual(t *testing.T) {
	b, err := os.ReadFile("../../../docs/counters.md")
	if err != nil {
		t.Fatal(err)
	}
	s := &Spool{}
	v := reflect.ValueOf(&s.count).Elem()
	for i := range v.NumField() {
		*(*uint64)(v.Field(i).Addr().UnsafePointer()) = uint64(i) + 1
	}
	n := protocol.Counters{}
	s.Counters(n)
	seen := map[uint64]string{}
	for name, value := range n {
		if !strings.Contains(string(b), "| `"+name+"` |") {
			t.Errorf("docs/counters.md lacks %s", name)
		}
		if value > 0 {
			seen[value] = name
		}
	}
	for i := range v.NumField() {
		if seen[uint64(i)+1] == "" {
			t.Errorf("%s is not shown", v.Type().Field(i).Name)
		}
	}
}
