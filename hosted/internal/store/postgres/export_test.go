package postgres

// What tests of this package need of its inside.
var (
	OpenWith = open
	Whole    = whole
)

// Bookkeeping is the migrations' table.
const Bookkeeping = bookkeeping
