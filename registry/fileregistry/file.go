package fileregistry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/protomicro/micro/registry"
)

// A document is what the file holds.
type document struct {
	Instances []registry.Instance `json:"instances"`
}

// read returns the instances in the file at path, and the file's own properties as they were before it was read: a
// change in between is seen the next time. Of a file that does not exist it returns nothing at all; the properties of
// one that could be read but not understood come with the error.
func read(path string) ([]registry.Instance, fs.FileInfo, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, nil, err
	}
	set, err := parse(text)
	if err != nil {
		return nil, info, fmt.Errorf("%s: %w", path, err)
	}
	return set, info, nil
}

func parse(text []byte) ([]registry.Instance, error) {
	var doc document
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	if doc.Instances == nil {
		return nil, errors.New(`there is no list called "instances"`)
	}
	ids := make(map[string]bool, len(doc.Instances))
	for i, in := range doc.Instances {
		if err := in.Validate(); err != nil {
			return nil, fmt.Errorf("instances[%d]: %w", i, err)
		}
		if ids[in.ID] {
			return nil, fmt.Errorf("instances[%d]: the ID %q stands twice", i, in.ID)
		}
		ids[in.ID] = true
	}
	return doc.Instances, nil
}

// write replaces the file at path in one step, so that a reader sees the old or the new text, and never half of one.
func write(path string, set []registry.Instance) (err error) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	text, err := json.MarshalIndent(document{Instances: append([]registry.Instance{}, set...)}, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if err := fill(f, path, append(text, '\n')); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// fill writes text to f down to the disk and closes it. f gets the permissions of the file at path, or those of a file
// that everybody may read.
func fill(f *os.File, path string, text []byte) error {
	mode := fs.FileMode(0o644)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	_, err := f.Write(text)
	return errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
}
