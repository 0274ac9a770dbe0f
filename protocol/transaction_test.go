package protocol

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestTransactionsAndRegistrationsHaveKeysOfTheirOwn(t *testing.T) {
	for _, v := range []any{Transaction{}, Registration{}} {
		rt := reflect.TypeOf(v)
		for i := range rt.NumField() {
			key, _, _ := strings.Cut(rt.Field(i).Tag.Get("cbor"), ",")
			if name := rt.Field(i).Tag.Get("json"); name == "" || key == "" {
				t.Errorf("%s.%s has no key or no name", rt.Name(), rt.Field(i).Name)
			}
			for j := range i {
				other, _, _ := strings.Cut(rt.Field(j).Tag.Get("cbor"), ",")
				if other == key {
					t.Errorf("%s.%s and %s share key %s", rt.Name(), rt.Field(i).Name, rt.Field(j).Name, key)
				}
			}
		}
	}
}

func TestATransactionWithoutAnswerHasNullsNotZeros(t *testing.T) {
	b, err := json.Marshal(Transaction{Contacts: []string{}, Findings: []Finding{}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"response_ms":null`, `"expires":null`, `"contacts":[]`, `"findings":[]`, `"first":null`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s lacks %s", b, want)
		}
	}
}

func TestRegistrationsAreSortedByAddressContactAndSensor(t *testing.T) {
	list := []Registration{{AOR: "b"}, {AOR: "a", Contact: "y"}, {AOR: "a", Contact: "x", SensorID: 2}, {AOR: "a", Contact: "x", SensorID: 1}}
	SortRegistrations(list)
	var got string
	for _, r := range list {
		got += r.AOR + r.Contact + string(rune('0'+r.SensorID)) + " "
	}
	if got != "ax1 ax2 ay0 b0 " {
		t.Errorf("got %s", got)
	}
}
