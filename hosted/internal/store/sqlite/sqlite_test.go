package sqlite_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"voiptop/hosted/internal/store"
	"voiptop/hosted/internal/store/sqlite"
	"voiptop/hosted/internal/store/sqlstore"
	"voiptop/hosted/internal/store/storetest"
)

func open(t testing.TB, o sqlstore.Options) store.Store {
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "hosted?%41.db"), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestSQLiteKeepsThePromisesOfAStore(t *testing.T) { storetest.Run(t, open) }

func BenchmarkAppend(b *testing.B) { storetest.BenchmarkAppend(b, open) }
func BenchmarkSearch(b *testing.B) { storetest.BenchmarkSearch(b, open) }
func BenchmarkWhere(b *testing.B) {
	storetest.BenchmarkWhere(b, open, func(store.Store) error { return nil })
}
func BenchmarkRuleRevisions(b *testing.B) { storetest.BenchmarkRuleRevisions(b, open) }

func FuzzAConditionFindsWhatMatches(f *testing.F) { storetest.FuzzWhere(f, open) }

func TestOpenSaysWhatIsWrongWithTheFile(t *testing.T) {
	dir := t.TempDir()
	junk := filepath.Join(dir, "junk.db")
	if err := os.WriteFile(junk, []byte(strings.Repeat("this is not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "no", "such", "x.db"): "does not exist",
		dir:                                      "not writable",
		junk:                                     "not a database",
	} {
		s, err := sqlite.Open(t.Context(), path, sqlstore.Options{})
		if err == nil {
			s.Close()
			t.Errorf("%s was opened", path)
		} else if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("error %q, want one that names %s and says %q", err, path, want)
		}
	}
}

func TestTheFileIsPrivateAndOpensAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	for range 2 {
		s, err := sqlite.Open(t.Context(), path, sqlstore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if fi.Mode().Perm() != 0o600 {
		t.Errorf("mode %v: the file holds password hashes, only its owner may read it", fi.Mode())
	}
}

func TestASchemaFromTheFutureIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s, err := sqlite.Open(t.Context(), path, sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write.ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s, err = sqlite.Open(t.Context(), path, sqlstore.Options{})
	if err == nil {
		s.Close()
		t.Fatal("opened")
	}
	if !strings.Contains(err.Error(), "9999") {
		t.Errorf("error %q, want one that names the version", err)
	}
}

func BenchmarkStats(b *testing.B) {
	storetest.BenchmarkStats(b, open, func(s store.Store) *sql.DB { return s.(*sqlite.Store).Write })
}
