package generator

import (
	"iter"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/dave/jennifer/jen"
	"google.golang.org/protobuf/compiler/protogen"
)

// lowerInitial returns name with its first word in lower case: "Weather" becomes "weather", "KV" "kv", "CSINode" "csiNode".
func lowerInitial(name string) string {
	upper := 0
	for upper < len(name) && 'A' <= name[upper] && name[upper] <= 'Z' {
		upper++
	}
	if upper > 1 && upper < len(name) && 'a' <= name[upper] && name[upper] <= 'z' {
		upper-- // the last one begins the next word
	}
	return strings.ToLower(name[:upper]) + name[upper:]
}

// varNames returns the name of the descriptor variable of each method of file: "weatherGet". Where two methods of the file
// would get the same, both have an underscore: "weather_GetNow" and "weatherGet_Now".
func varNames(file *protogen.File) map[*protogen.Method]string {
	short := func(m *protogen.Method) string { return lowerInitial(m.Parent.GoName) + m.GoName }
	count := make(map[string]int)
	for m := range methods(file) {
		count[short(m)]++
	}
	names := make(map[*protogen.Method]string)
	for m := range methods(file) {
		if names[m] = short(m); count[short(m)] > 1 {
			service := m.Parent.GoName
			names[m] = strings.ToLower(service[:1]) + service[1:] + "_" + m.GoName
		}
	}
	return names
}

// methods yields the methods of all services of file.
func methods(file *protogen.File) iter.Seq[*protogen.Method] {
	return func(yield func(*protogen.Method) bool) {
		for _, service := range file.Services {
			for _, m := range service.Methods {
				if !yield(m) {
					return
				}
			}
		}
	}
}

// importNames returns the name by which each of the packages is imported, given the name that each has by itself. It is in
// lower case, which no declaration of the package of the stubs is. A name that is not free gets the directory above as a
// prefix, and a number if that does not help.
func importNames(packages map[protogen.GoImportPath]string) map[protogen.GoImportPath]string {
	used := make(map[string]bool)
	for _, name := range []string{"runtime", "context", "c", "ctx", "req", "conn", "s", "impl", "init"} {
		used[name] = true
	}
	free := func(name string) bool { return !used[name] && !jen.IsReservedWord(name) }
	names := make(map[protogen.GoImportPath]string)
	for _, p := range slices.Sorted(maps.Keys(packages)) {
		name := strings.ToLower(packages[p])
		if !free(name) {
			name = letters(path.Base(path.Dir(string(p)))) + name
		}
		for n, base := 2, name; !free(name); n++ {
			name = base + strconv.Itoa(n)
		}
		names[p], used[name] = name, true
	}
	return names
}

// letters returns the letters of text in lower case.
func letters(text string) string {
	return strings.Map(func(r rune) rune {
		if r < unicode.MaxASCII && unicode.IsLetter(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, text)
}
