package generator_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/protomicro/micro/generator"
)

func TestWrite_AllOrNothing(t *testing.T) {
	dir := t.TempDir()
	old := []generator.Output{{Name: "a/old.go", Content: []byte("old")}}
	if err := generator.Write(dir, old); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "c", "c.go"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, last := range []string{"c/c.go", "a/old.go/x.go", "../x.go", "/x.go", "a/../../x.go"} {
		err := generator.Write(dir, []generator.Output{
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
		if err := generator.Write(dir, []generator.Output{{Name: "x/a.go", Content: []byte(text)}}); err != nil {
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
