package generator

import (
	"embed"
	"io/fs"

	"github.com/bufbuild/protocompile/experimental/source"
)

//go:embed protos
var protos embed.FS

// builtin opens the proto files that everybody imports and nobody has at hand: those of google.api for HTTP. Files of the
// user with the same name come first.
type builtin struct{}

// Open implements source.Opener.
func (builtin) Open(name string) (*source.File, error) {
	text, err := fs.ReadFile(protos, "protos/"+name)
	if err != nil {
		return nil, fs.ErrNotExist
	}
	return source.NewFile(name, string(text)), nil
}
