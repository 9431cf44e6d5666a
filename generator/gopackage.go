package generator

import (
	"cmp"
	"fmt"
	"go/token"
	"path"
	"strings"
	"unicode"

	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// A goPackage is a Go package as the option go_package and the parameter M say it: "path;name", of which either can be empty.
type goPackage struct{ path, name string }

func parseGoPackage(text string) goPackage {
	goPath, name, _ := strings.Cut(text, ";")
	return goPackage{goPath, name}
}

// or returns p with what it lacks from other.
func (p goPackage) or(other goPackage) goPackage {
	return goPackage{cmp.Or(p.path, other.path), cmp.Or(p.name, other.name)}
}

// checkGoPackages reports the files that have no Go package, or one that Go does not allow.
func (r *request) checkGoPackages(mapped map[string]goPackage) error {
	type first struct{ name, file string }
	var problems Problems
	packages := make(map[string]first) // by path
	for _, file := range needed(r.Request) {
		if p := r.checkGoPackage(file, mapped[file.GetName()]); p != nil {
			problems = append(problems, *p)
			continue
		}
		own := parseGoPackage(file.GetOptions().GetGoPackage())
		goPackage := mapped[file.GetName()].or(own)
		name := cmp.Or(goPackage.name, packageName(cmp.Or(own.path, goPackage.path)))
		other, ok := packages[goPackage.path]
		if !ok {
			packages[goPackage.path] = first{name, file.GetName()}
		} else if other.name != name {
			problems = append(problems, r.atPath(file, pathOfGoPackage, fmt.Sprintf(
				"the Go package %q has the name %s here and the name %s in %s: give it one name",
				goPackage.path, name, other.name, r.path(other.file))))
		}
	}
	return problems.err()
}

// checkGoPackage returns what is wrong with the Go package of file, for which the parameter M says mapped.
func (r *request) checkGoPackage(file *descriptorpb.FileDescriptorProto, mapped goPackage) *Problem {
	own := parseGoPackage(file.GetOptions().GetGoPackage())
	example := path.Join("example.com/project", path.Dir(file.GetName()))
	problem := func(isMapped bool, format string, args ...any) *Problem {
		origin, place := "go_package", pathOfGoPackage
		if isMapped {
			origin, place = "parameter M"+file.GetName(), nil
		}
		p := r.atPath(file, place, origin+" "+fmt.Sprintf(format, args...))
		return &p
	}
	goPackage := mapped.or(own)
	switch {
	case goPackage.path == "":
		p := r.atPath(file, pathOfPackage, fmt.Sprintf("no go_package: add the line option go_package = %q;"+
			" or the parameter M%s=%s", example, file.GetName(), example))
		return &p
	case !strings.ContainsAny(goPackage.path, "./"):
		return problem(mapped.path != "", "%q is not an import path, which has a dot or a slash: %q, for example",
			goPackage.path, example)
	case !isImportPath(goPackage.path):
		return problem(mapped.path != "", "%q is not an import path, which does not start with a slash and has only"+
			" letters, digits and -._~+/: %q, for example", goPackage.path, example)
	case goPackage.name != "" && (!token.IsIdentifier(goPackage.name) || goPackage.name == "_"):
		return problem(mapped.name != "", "%q is not the name of a Go package, which has only letters, digits and"+
			" underscores and is not a keyword", goPackage.name)
	}
	return nil
}

// isImportPath says whether the go command knows text as an import path.
func isImportPath(text string) bool {
	if strings.HasPrefix(text, "/") || strings.Contains(text, "//") {
		return false
	}
	return !strings.ContainsFunc(text, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-._~+/", r)
	})
}

// packageName returns the name of the Go package at goPath where nothing says another.
func packageName(goPath string) string {
	name := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return '_'
	}, path.Base(goPath))
	if name[0] == '_' || !token.IsIdentifier(name) {
		return "_" + name
	}
	return name
}

// needed returns the files to generate and all that they import.
func needed(req *pluginpb.CodeGeneratorRequest) []*descriptorpb.FileDescriptorProto {
	wanted := make(map[string]bool)
	for _, name := range req.GetFileToGenerate() {
		wanted[name] = true
	}
	var files []*descriptorpb.FileDescriptorProto
	all := req.GetProtoFile()
	for i := range all { // from the importing to the imported ones
		file := all[len(all)-1-i]
		if !wanted[file.GetName()] {
			continue
		}
		files = append(files, file)
		for _, name := range file.GetDependency() {
			wanted[name] = true
		}
	}
	return files
}
