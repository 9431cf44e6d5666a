package generator

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/bufbuild/protocompile/experimental/source"
)

// A Source says which proto files to compile. The well-known types, and google/api/annotations.proto with what it imports,
// need not be among them.
type Source struct {
	// Files are proto files, and directories of which every proto file is meant. What is not there is looked for in Dirs.
	Files []string
	// Dirs are where imports are looked for, in this order; every file must be within one of them, and is imported by
	// its path from there. If there are none, they are the directories among Files, and then the working directory.
	Dirs []string
}

// files returns the names by which the files of src are imported, and an opener for them and all they import.
func (src Source) files() ([]string, *opener, error) {
	var paths []string
	problems := src.checkDirs()
	dirs := src.Dirs
	for _, file := range src.Files {
		file, stat, err := src.find(file)
		switch {
		case err != nil:
			problems = append(problems, unreadable(file, err))
		case stat.IsDir():
			found, bad := walk(file)
			paths, problems = append(paths, found...), append(problems, bad...)
			if len(src.Dirs) == 0 {
				dirs = append(dirs, file)
			}
		default:
			paths = append(paths, file)
		}
	}
	if len(src.Dirs) == 0 {
		dirs = append(dirs, ".")
	}
	open := &opener{dirs: dirs, found: make(map[string]string)}
	var names []string
	for _, path := range paths {
		name, err := open.name(path)
		if err != nil {
			problems = append(problems, Problem{path, 1, 1, err.Error()})
		} else if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, open, problems.err()
}

// checkDirs reports what is not a directory.
func (src Source) checkDirs() Problems {
	var problems Problems
	for _, dir := range src.Dirs {
		stat, err := os.Stat(dir)
		if err == nil && !stat.IsDir() {
			err = syscall.ENOTDIR
		}
		if err != nil {
			problems = append(problems, unreadable(dir, err))
		}
	}
	return problems
}

// find returns the path of a file or directory, which is what is there or else, as for protoc, in one of src.Dirs.
func (src Source) find(file string) (string, fs.FileInfo, error) {
	stat, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) && filepath.IsLocal(file) {
		for _, dir := range src.Dirs {
			path := filepath.Join(dir, file)
			if stat, err := os.Stat(path); err == nil {
				return path, stat, nil
			}
		}
	}
	return file, stat, err
}

// walk returns the proto files below dir, sorted. It leaves out what starts with a dot.
func walk(dir string) ([]string, Problems) {
	var found []string
	var problems Problems
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		path := filepath.Join(dir, filepath.FromSlash(name))
		switch {
		case err != nil:
			problems = append(problems, unreadable(path, err))
		case name != "." && strings.HasPrefix(entry.Name(), "."):
			if entry.IsDir() {
				return fs.SkipDir
			}
		case !entry.IsDir() && filepath.Ext(path) == ".proto":
			found = append(found, path)
		}
		return nil
	})
	if err != nil {
		problems = append(problems, unreadable(dir, err))
	}
	if len(found)+len(problems) == 0 {
		problems = Problems{{dir, 1, 1, "the directory has no .proto files"}}
	}
	return found, problems
}

func unreadable(path string, err error) Problem {
	return Problem{path, 1, 1, "cannot be read: " + reason(err).Error()}
}

// reason returns what is left of err without operation and path.
func reason(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// An opener finds imports in directories. It is safe for concurrent use.
type opener struct {
	dirs []string

	mu    sync.Mutex        // guards below
	found map[string]string // path of each file that was found, by name
}

// name returns the name by which the file at path is imported.
func (o *opener) name(path string) (string, error) {
	for _, dir := range o.dirs {
		name, ok := within(dir, path)
		if !ok {
			continue
		}
		for _, earlier := range o.dirs {
			if other := filepath.Join(earlier, name); earlier != dir && exists(other) {
				return "", fmt.Errorf("%s is found before it by the name %s; change the order of the -I directories", other, name)
			} else if earlier == dir {
				break
			}
		}
		if name = filepath.ToSlash(name); strings.Contains(name, `\`) {
			return "", errors.New("the path of a proto file cannot have a backslash")
		}
		return name, nil
	}
	return "", fmt.Errorf("is in none of the directories for imports (%s): name the one that it is in with -I",
		strings.Join(o.dirs, ", "))
}

func within(dir, path string) (string, bool) {
	dir, errDir := filepath.Abs(dir)
	path, errPath := filepath.Abs(path)
	name, err := filepath.Rel(dir, path)
	return name, errors.Join(errDir, errPath, err) == nil && filepath.IsLocal(name)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Open returns the file with the given name, and an error that is fs.ErrNotExist if there is none.
func (o *opener) Open(name string) (*source.File, error) {
	if !filepath.IsLocal(name) {
		return nil, fs.ErrNotExist
	}
	for _, dir := range o.dirs {
		path := filepath.Join(dir, name)
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		o.mu.Lock()
		o.found[name] = path
		o.mu.Unlock()
		if err != nil {
			return nil, fmt.Errorf("cannot be read: %w", reason(err))
		}
		return source.NewFile(path, string(text)), nil
	}
	return nil, fs.ErrNotExist
}

func (o *opener) paths() map[string]string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return maps.Clone(o.found)
}
