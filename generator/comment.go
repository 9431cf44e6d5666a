package generator

import (
	godoc "go/doc/comment"
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// comment returns the text of the comment that the proto file has for an element, without trailing blank lines.
func comment(set protogen.CommentSet) string {
	text := string(set.Leading)
	if text == "" {
		text = string(set.Trailing)
	}
	lines := strings.Split(strings.TrimRight(text, " \t\r\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimPrefix(strings.TrimRight(plain(line), " \t"), " ")
	}
	return strings.Join(lines, "\n")
}

// deprecation returns the paragraph that says that d is deprecated, or "".
func deprecation(d protoreflect.Descriptor) string {
	if options, ok := d.Options().(interface{ GetDeprecated() bool }); ok && options.GetDeprecated() {
		return "Deprecated: Do not use."
	}
	return ""
}

// methodDoc returns the comment of a client's method.
func methodDoc(m *protogen.Method) string {
	text := comment(m.Comments)
	if strings.HasPrefix(text, m.GoName+" ") {
		return doc("", text, deprecation(m.Desc))
	}
	first := m.GoName + " calls " + string(m.Parent.Desc.FullName()) + "/" + string(m.Desc.Name()) + "."
	return doc(first, text, deprecation(m.Desc))
}

// doc returns the Go comment that consists of paragraphs, of which any can be empty.
func doc(first, text, deprecated string) string {
	if strings.HasPrefix(text, "Deprecated:") || strings.Contains(text, "\n\nDeprecated:") {
		deprecated = "" // said already
	}
	paragraphs := slices.DeleteFunc([]string{first, text, deprecated}, func(p string) bool { return p == "" })
	lines := strings.Split(settled(strings.Join(paragraphs, "\n\n")), "\n")
	for i, line := range lines {
		if lines[i] = strings.TrimRight("// "+line, " "); strings.HasPrefix(line, "\t") {
			lines[i] = "//" + line
		}
	}
	if len(paragraphs) == 0 {
		return ""
	}
	return strings.Join(lines, "\n")
}

// settled returns the text of a comment as gofmt wants it. Going over a list once is not enough: what was no list before it
// was indented gets its blank line the second time.
func settled(text string) string {
	for range 3 {
		var parser godoc.Parser
		var printer godoc.Printer
		formatted := strings.TrimRight(string(printer.Comment(parser.Parse(text))), "\n")
		if formatted == text {
			break
		}
		text = formatted
	}
	return text
}
