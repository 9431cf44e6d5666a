package examples_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The code in the README is part of the example, to the letter.
func TestReadme_ShowsTheExample(t *testing.T) {
	var sources strings.Builder
	err := filepath.WalkDir("weather", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		sources.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := 0
	for _, language := range []string{"```go\n", "```proto\n"} {
		for _, rest := range strings.Split(string(readme), language)[1:] {
			block, _, _ := strings.Cut(rest, "```")
			blocks++
			if !strings.Contains(sources.String(), block) {
				t.Errorf("this is not in examples/weather:\n%s", block)
			}
		}
	}
	if blocks < 4 {
		t.Errorf("the README has %d blocks of code", blocks)
	}
}
