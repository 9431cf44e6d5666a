package generator

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Write writes files below dir, and creates the directories that they need. If one cannot be written, or two have the same
// name, or ctx ends, it removes what it has created; it writes nothing to a file before all of them have a copy beside the
// place where they go. From then on the end of ctx does not stop it.
func Write(ctx context.Context, dir string, files []Output) error {
	w := writer{}
	err := w.write(ctx, dir, files)
	if err != nil {
		w.undo()
	}
	return err
}

// A writer knows what it has created.
type writer struct {
	temps   []string // temporary files, one per file so far
	created []string // directories and files that were not there, in the order of creation
}

func (w *writer) write(ctx context.Context, dir string, files []Output) error {
	targets := make([]string, len(files))
	for i, file := range files {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		name := filepath.FromSlash(file.Name)
		if !filepath.IsLocal(name) {
			return fmt.Errorf("%s: would be written outside of the output directory", file.Name)
		}
		targets[i] = filepath.Join(dir, name)
		if slices.Contains(targets[:i], targets[i]) {
			return fmt.Errorf("%s: two generated files have this name", targets[i])
		}
		if err := w.prepare(targets[i], file.Content); err != nil {
			return fmt.Errorf("%s: cannot be written: %w", targets[i], err)
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for i, target := range targets {
		_, err := os.Lstat(target)
		isNew := errors.Is(err, fs.ErrNotExist)
		if err := os.Rename(w.temps[i], target); err != nil {
			return fmt.Errorf("%s: cannot be written: %w", target, reason(err))
		}
		if isNew {
			w.created = append(w.created, target)
		}
	}
	return nil
}

// prepare writes content to a temporary file beside target.
func (w *writer) prepare(target string, content []byte) error {
	old, errOld := os.Stat(target)
	if errOld == nil && !old.Mode().IsRegular() {
		return errors.New("is not a regular file")
	}
	dir := filepath.Dir(target)
	if err := w.mkdir(dir); err != nil {
		return err
	}
	temp := filepath.Join(dir, ".protoc-gen-micro-"+rand.Text())
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666) // less the umask, as for any other program
	if err != nil {
		return reason(err)
	}
	w.temps = append(w.temps, temp)
	if errOld == nil {
		err = f.Chmod(old.Mode().Perm())
	}
	_, errWrite := f.Write(content)
	return errors.Join(err, errWrite, f.Close())
}

// mkdir creates dir with its parents.
func (w *writer) mkdir(dir string) error {
	if stat, err := os.Stat(dir); err == nil {
		if !stat.IsDir() {
			return fmt.Errorf("%s is not a directory", dir)
		}
		return nil
	}
	if parent := filepath.Dir(dir); parent != dir {
		if err := w.mkdir(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o777); err != nil {
		return reason(err)
	}
	w.created = append(w.created, dir)
	return nil
}

// undo removes what was created, as far as that is possible.
func (w *writer) undo() {
	for _, temp := range w.temps {
		_ = os.Remove(temp)
	}
	for i := range w.created { // what is in a directory before the directory
		_ = os.Remove(w.created[len(w.created)-1-i])
	}
}
