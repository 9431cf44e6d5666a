package archtest_test

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

const modulePath = "github.com/protomicro/micro"

// A room is a part of the module, with what its packages may import. "codec" is the package codec alone, "codec/*" is
// every package below it, and the longest name that fits a package is its room.
type room struct {
	name   string
	ours   []string // rooms of this module, besides internal/*; "." is the package's own concept and what stands in it
	others []string // modules
	not    []string // packages of the standard library
}

const protobuf = "google.golang.org/protobuf"

// carried returns the modules that a service links beside protobuf: ways of compression, encodings, CORS.
func carried() []string {
	return []string{
		"github.com/klauspost/compress", "github.com/tinylib/msgp", "github.com/philhofer/fwd", "go.mongodb.org/mongo-driver/v2",
		"github.com/rs/cors",
	}
}

// rooms says which way the arrows run:
//
//	generated code ─► runtime ─► codec ─► transport ─► status
//	                     ├─────► selector ─► registry
//	                     └─────► status
//	cmd ─► generator
func rooms() []room {
	concepts := []string{"codec", "transport", "registry", "selector", "status"}
	below := []string{"codec", "codec/internal/*", "transport", "status"} // what a codec or a format stands on
	return []room{
		{name: "status", others: []string{protobuf}},
		{name: "transport", ours: []string{"status"}},
		{name: "transport/*", ours: []string{"transport", "status"}},
		{name: "codec", ours: []string{"transport", "status"}, others: []string{protobuf}, not: []string{"net/http"}},
		{name: "codec/*", ours: below, others: []string{protobuf}, not: []string{"net/http"}},
		{name: "codec/compress", ours: below, others: []string{"github.com/klauspost/compress"}, not: []string{"net/http"}},
		{name: "codec/msgpackcodec", ours: below, others: []string{protobuf, "github.com/tinylib/msgp"}, not: []string{"net/http"}},
		{name: "codec/bsoncodec", ours: below, others: []string{protobuf, "go.mongodb.org/mongo-driver/v2"}, not: []string{"net/http"}},
		{name: "codec/jsonrpc", ours: append([]string{"codec/jsoncodec"}, below...), others: []string{protobuf}, not: []string{"net/http"}},
		{name: "codec/bsonrpc", ours: append([]string{"codec/bsoncodec"}, below...), others: []string{protobuf, "go.mongodb.org/mongo-driver/v2"}, not: []string{"net/http"}},
		{name: "codec/msgpackrpc", ours: append([]string{"codec/msgpackcodec"}, below...), others: []string{protobuf, "github.com/tinylib/msgp"}, not: []string{"net/http"}},
		{name: "registry", ours: []string{"status"}},
		{name: "registry/*", ours: []string{"registry", "status"}},
		{name: "selector", ours: []string{"registry", "status"}},
		{name: "selector/*", ours: []string{"selector", "registry", "status"}},
		{name: "runtime", ours: append([]string{"codec/*", "transport/*"}, concepts...), others: []string{protobuf, "github.com/rs/cors"}},
		{name: "services/*", ours: append([]string{"services/*", "runtime"}, concepts...), others: []string{protobuf}},
		{name: "runtime/*", ours: append([]string{".", "runtime"}, concepts...), others: []string{protobuf}},
		{name: "generator", others: []string{
			protobuf, "github.com/bufbuild/protocompile", "github.com/dave/jennifer", "golang.org/x/tools",
		}},
		{name: "cmd/*", ours: []string{"generator"}, others: []string{protobuf}},
		{name: "internal/*", ours: []string{"status"}},
	}
}

// A pkg is a package as "go list -json" tells it, without what its tests import.
type pkg struct {
	ImportPath string
	Name       string
	Imports    []string
	Standard   bool
	Module     *struct{ Path string }
}

// arrows returns the imports that run against the arrows, one sentence each.
func arrows(pkgs []pkg) []string {
	var wrong []string
	for _, p := range pkgs {
		name, _ := local(p.ImportPath)
		if strings.HasPrefix(name, "internal/") && p.Name == "main" || len(p.Imports) == 0 {
			continue // the programs in internal put everything to the test
		}
		r, ok := roomOf(name)
		if !ok {
			wrong = append(wrong, name+" stands in no room: give it one in rooms()")
			continue
		}
		for _, imported := range p.Imports {
			if reason := r.refuses(name, imported); reason != "" {
				wrong = append(wrong, fmt.Sprintf("%s imports %s: %s", name, imported, reason))
			}
		}
	}
	return wrong
}

// refuses returns why a package of the room must not import another, or "".
func (r room) refuses(name, imported string) string {
	suite := forTests(name)
	other, ours := local(imported)
	switch {
	case !ours && !strings.Contains(strings.Split(imported, "/")[0], "."): // the standard library
		if slices.Contains(r.not, imported) {
			return "packages in " + r.name + " do not know it"
		}
		if !suite && (imported == "testing" || strings.HasPrefix(imported, "testing/")) {
			return "only tests and their suites do"
		}
	case !ours:
		if suite && within(imported, "github.com/google/go-cmp") {
			return ""
		}
		if !slices.ContainsFunc(r.others, func(module string) bool { return within(imported, module) }) {
			return "packages in " + r.name + " stand on no such module"
		}
	case !suite && forTests(other):
		return "only tests and their suites do"
	case strings.HasPrefix(other, "internal/"), suite && concept(name) == concept(other):
	case !slices.ContainsFunc(r.ours, func(pattern string) bool { return fits(pattern, name, other) }):
		return "no arrow runs from " + r.name + " to " + other
	}
	return ""
}

func fits(pattern, name, other string) bool {
	if pattern == "." {
		return concept(name) == concept(other)
	}
	if below, ok := strings.CutSuffix(pattern, "/*"); ok {
		return strings.HasPrefix(other, below+"/")
	}
	return other == pattern
}

func roomOf(name string) (room, bool) {
	var found room
	for _, r := range rooms() {
		if fits(r.name, "", name) && len(r.name) > len(found.name) {
			found = r
		}
	}
	return found, found.name != ""
}

// concept returns the folder of the house that a package stands in: "codec" for codec/protorpc, and "runtime/store" for
// runtime/store and runtime/store/filestore.
func concept(name string) string {
	parts := strings.Split(name, "/")
	if parts[0] == "runtime" && len(parts) > 1 {
		return path.Join(parts[:2]...)
	}
	return parts[0]
}

// forTests tells whether only tests may import the package: it is a suite for a concept, or the search for leaks.
func forTests(name string) bool {
	return name == "internal/leakcheck" || path.Base(name) != "archtest" && strings.HasSuffix(name, "test")
}

// local returns the name of a package within this module, and whether it is of this module.
func local(importPath string) (string, bool) {
	if importPath == modulePath {
		return ".", true
	}
	return strings.CutPrefix(importPath, modulePath+"/")
}

func within(importPath, module string) bool {
	return importPath == module || strings.HasPrefix(importPath, module+"/")
}

// linked returns what a program that imports a package should not be made to link: the packages in deps of modules that
// are neither this one nor among modules, and those of this one that fit one of the patterns in not.
func linked(deps []pkg, modules, not []string) []string {
	var wrong []string
	for _, p := range deps {
		name, ours := local(p.ImportPath)
		switch {
		case p.Standard:
			if name == "testing" {
				wrong = append(wrong, "testing is linked")
			}
		case ours:
			if forTests(name) || slices.ContainsFunc(not, func(pattern string) bool { return fits(pattern, "", name) }) {
				wrong = append(wrong, name+" is linked")
			}
		case p.Module == nil || !slices.Contains(modules, p.Module.Path):
			wrong = append(wrong, p.ImportPath+" is linked")
		}
	}
	return wrong
}
