package httpapi

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// openapi.yaml and routes() name the same operations, and the same of them are open to everybody. What is relayed to a sensor is one
// route here and has an operation for each of the sensor's.
func TestTheContractHasTheRoutes(t *testing.T) {
	data, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(data)
	if err != nil {
		t.Fatal(err)
	}
	const relayed = "/sensors/{uuid}/api/"
	described, served := map[string]bool{}, map[string]bool{} // by "METHOD /path": is it public?
	for path, item := range doc.Paths.Map() {
		if strings.HasPrefix(path, relayed) {
			path = relayed + "{rest:.*}"
		}
		for name, op := range item.Operations() {
			described[name+" "+path] = op.Security != nil && len(*op.Security) == 0
		}
	}
	for _, rt := range (&api{}).routes() {
		for name, m := range rt.methods {
			served[name+" "+rt.path] = m.access == public
		}
	}
	for _, op := range slices.Sorted(maps.Keys(served)) {
		switch isPublic, ok := described[op]; {
		case !ok:
			t.Errorf("%s is served and not in openapi.yaml", op)
		case isPublic != served[op]:
			t.Errorf("%s: open to everybody: %v, in openapi.yaml %v", op, served[op], isPublic)
		}
	}
	for _, op := range slices.Sorted(maps.Keys(described)) {
		if _, ok := served[op]; !ok {
			t.Errorf("%s is in openapi.yaml and not served", op)
		}
	}
	if len(served) < 50 {
		t.Errorf("%d operations are served", len(served))
	}
}
