package protocol

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"testing"
)

func TestAMOSHasTheGradeOfITU(t *testing.T) {
	for mos, want := range map[float64]Grade{
		0: GradeNone, -1: GradeNone, math.NaN(): GradeNone, 1: GradeBad, 3.09: GradeBad, 3.1: GradePoor, 3.59: GradePoor, 3.6: GradeFair, 3.93: GradeFair, 4.02: GradeFair,
		4.03: GradeGood, 4.5: GradeGood,
	} {
		if got := GradeOf(mos); got != want {
			t.Errorf("%g is %q, want %q", mos, got, want)
		}
	}
}

// The browser has the figures and words in its own language.
func TestTheBrowserHasTheSameGrades(t *testing.T) {
	src, err := os.ReadFile("../hosted/web/src/words.ts")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`mos >= ([0-9.]+)\) return '(\w+)'`).FindAllStringSubmatch(string(src), -1)
	var got []string
	for _, m := range found {
		v, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(m[2], " ", v))
	}
	want := fmt.Sprint([]string{fmt.Sprint(GradeGood, " ", GoodMOS), fmt.Sprint(GradeFair, " ", FairMOS), fmt.Sprint(GradePoor, " ", PoorMOS)})
	if fmt.Sprint(got) != want {
		t.Errorf("words.ts has %v, want %s", got, want)
	}
}
