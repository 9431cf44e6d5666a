package generator_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/protomicro/micro/generator"
)

func TestWrite_AllOrNothing(t *testing.T) {
	dir := t.TempDir()
	old := []generator.Output{{Name: "a/old.go", Content: []byte("old")}}
	if err := generator.Write(t.Context(), dir, old); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "c", "c.go"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, last := range []string{"c/c.go", "a/old.go/x.go", "../x.go", "/x.go", "a/../../x.go"} {
		err := generator.Write(t.Context(), dir, []generator.Output{
			{Name: "a/old.go", Content: []byte("new")}, {Name: "a/new.go"}, {Name: "b/b/new.go"}, {Name: last},
		})
		if err == nil {
			t.Errorf("%s was written", last)
		}
		if diff := cmp.Diff([]string{"a", "a/old.go", "c", "c/c.go"}, list(t, dir)); diff != "" {
			t.Errorf("%s: what is left (-want +got):\n%s", last, diff)
		}
	}
	if text, err := os.ReadFile(filepath.Join(dir, "a", "old.go")); string(text) != "old" || err != nil {
		t.Errorf("the old file is %q, %v", text, err)
	}
}

func TestWrite_Replaces(t *testing.T) {
	dir := t.TempDir()
	for _, text := range []string{"one", "two"} {
		if err := generator.Write(t.Context(), dir, []generator.Output{{Name: "x/a.go", Content: []byte(text)}}); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(dir, "x", "a.go"))
		if err != nil || string(got) != text {
			t.Errorf("the file is %q, %v; want %q", got, err, text)
		}
	}
	if diff := cmp.Diff([]string{"x", "x/a.go"}, list(t, dir)); diff != "" {
		t.Errorf("what is there (-want +got):\n%s", diff)
	}
}

func TestWrite_RefusesEqualTargets(t *testing.T) {
	dir := t.TempDir()
	err := generator.Write(t.Context(), dir, []generator.Output{{Name: "a/a.go"}, {Name: "b/b.go"}, {Name: "a/./a.go"}})
	if err == nil || !strings.Contains(err.Error(), "two generated files") {
		t.Errorf("the error is %v", err)
	}
	if left := list(t, dir); left != nil {
		t.Errorf("%v is left", left)
	}
}

// An ending is a context that ends when it has been asked a number of times whether it has.
type ending struct {
	context.Context

	end  context.CancelCauseFunc
	left int
}

func (c *ending) Err() error {
	if c.left--; c.left < 0 {
		c.end(errEnd)
	}
	return c.Context.Err()
}

var errEnd = errors.New("this is the end")

func TestWrite_StopsWhenContextEnds(t *testing.T) {
	files := []generator.Output{{Name: "a/a.go"}, {Name: "b/b.go"}, {Name: "c.go"}}
	for left := range len(files) + 1 { // before each file, and before they get their names
		dir := t.TempDir()
		ctx, end := context.WithCancelCause(t.Context())
		if err := generator.Write(&ending{ctx, end, left}, dir, files); !errors.Is(err, errEnd) {
			t.Errorf("%d: the error is %v, want %v", left, err, errEnd)
		}
		end(nil)
		if names := list(t, dir); names != nil {
			t.Errorf("%d: %v is left", left, names)
		}
	}
}

func TestWrite_KeepsModes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files have no modes")
	}
	dir := t.TempDir()
	like := filepath.Join(dir, "like")
	if f, err := os.Create(like); err != nil || f.Close() != nil { // the mode that the umask leaves
		t.Fatal(err)
	}
	for name, mode := range map[string]fs.FileMode{"narrow.go": 0o600, "wide.go": 0o666} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	err := generator.Write(t.Context(), dir, []generator.Output{{Name: "narrow.go"}, {Name: "wide.go"}, {Name: "new.go"}})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]fs.FileMode{"narrow.go": 0o600, "wide.go": 0o666, "new.go": modeOf(t, like)}
	for name, mode := range want {
		if got := modeOf(t, filepath.Join(dir, name)); got != mode {
			t.Errorf("%s has the mode %o, want %o", name, got, mode)
		}
	}
}

func modeOf(t *testing.T, path string) fs.FileMode {
	stat, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return stat.Mode().Perm()
}

func list(t *testing.T, dir string) []string {
	var names []string
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if name, _ := filepath.Rel(dir, path); name != "." {
			names = append(names, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
