package protocol

// Grade is a MOS in a word, by how satisfied users are: the categories of ITU-T G.109 table 1, which G.107 annex B gives as MOS.
// Terminal and browser show the same word and the same colour for the same MOS.
type Grade string

// The grades.
const (
	GradeGood Grade = "good" // satisfied, or very much so
	GradeFair Grade = "fair" // some users are dissatisfied
	GradePoor Grade = "poor" // many are
	GradeBad  Grade = "bad"  // nearly all are
	GradeNone Grade = ""     // no MOS
)

// The MOS at which a grade begins: R of 80, 70 and 60 of the E-model. What is below FairMOS counts as a bad MOS in statistics.
const (
	GoodMOS = 4.03
	FairMOS = 3.6
	PoorMOS = 3.1
)

// GradeOf is the grade of a MOS; 0 means that there is none.
func GradeOf(mos float64) Grade {
	switch {
	case !(mos > 0): // NaN too
		return GradeNone
	case mos >= GoodMOS:
		return GradeGood
	case mos >= FairMOS:
		return GradeFair
	case mos >= PoorMOS:
		return GradePoor
	}
	return GradeBad
}
