package fileregistry

import (
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/protomicro/micro/registry"
)

// A watcher knows what a file said of a service when it last looked.
type watcher struct {
	file, service string
	known         []registry.Instance
	told          bool        // known was yielded
	failed        bool        // the error was yielded
	existed       bool        // there has been a file
	seen          fs.FileInfo // the file that was read last; nil if there was none to read
}

// look returns the instances if they have changed since they were last returned, or an error if it is the first since
// the file was well.
func (w *watcher) look() (set []registry.Instance, changed bool, err error) {
	if w.told || w.failed {
		if info, err := os.Stat(w.file); err == nil && w.same(info) {
			return nil, false, nil
		}
	}
	all, info, err := read(w.file)
	if err == nil && info == nil && w.existed {
		err = fmt.Errorf("%s has vanished", w.file)
	}
	w.seen = info
	w.existed = w.existed || info != nil
	if err != nil {
		if w.failed {
			return nil, false, nil
		}
		w.failed = true
		return nil, false, fmt.Errorf("fileregistry: watch %q: %w", w.service, err)
	}
	w.failed = false
	set = slices.DeleteFunc(all, func(in registry.Instance) bool { return in.Service != w.service })
	sortByID(set)
	if w.told && slices.EqualFunc(set, w.known, registry.Instance.Equal) {
		return nil, false, nil
	}
	w.told, w.known = true, set
	return registry.CloneAll(set), true, nil
}

// same tells whether the file is as it was, in so far as the file system tells.
func (w *watcher) same(info fs.FileInfo) bool {
	return w.seen != nil && os.SameFile(w.seen, info) && w.seen.Size() == info.Size() && w.seen.ModTime().Equal(info.ModTime())
}
