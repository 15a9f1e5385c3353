import java.io.*;
import java.nio.charset.StandardCharsets;
import java.util.*;
import java.util.regex.*;

/**
 * Answers what java.util.regex makes of an expression and some texts.
 * Each line: the expression and texts in base64, separated by blanks.  Each answer: "!position", or for each text, separated by
 * blanks, "matches;finds;split;replaced": finds are separated by "/", their groups by ",", as base64 or "-".
 */
public class JavaRegex {
    static String encode(String text) {
        return text == null ? "-" : "=" + Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8)).replace("=", "").replace("/", "_");
    }

    static String decode(String text) {
        return new String(Base64.getDecoder().decode(text.substring(1).getBytes()), StandardCharsets.UTF_8);
    }

    static String answer(Pattern pattern, String text) {
        StringBuilder out = new StringBuilder();
        Matcher matcher = pattern.matcher(text);
        out.append(matcher.matches() ? "1" : "0").append(";");
        matcher.reset();
        while (matcher.find()) {
            for (int group = 0; group <= matcher.groupCount(); group++)
                out.append(group == 0 ? "" : ",").append(encode(matcher.group(group)));
            out.append("/");
        }
        out.append(";");
        for (String part : pattern.split(text)) out.append(encode(part)).append("/");
        out.append(";").append(encode(pattern.matcher(text).replaceAll("<$0>")));
        return out.toString();
    }

    public static void main(String[] arguments) throws IOException {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), false, "UTF-8");
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] parts = line.split(" ");
            try {
                Pattern pattern = Pattern.compile(decode(parts[0]));
                StringJoiner answers = new StringJoiner(" ");
                for (int i = 1; i < parts.length; i++) answers.add(answer(pattern, decode(parts[i])));
                out.println(answers);
            } catch (PatternSyntaxException error) {
                out.println("!" + error.getIndex() + " " + error.getDescription());
            } catch (StackOverflowError | IndexOutOfBoundsException | IllegalArgumentException error) {
                out.println("!-2 " + error);
            }
        }
        out.flush();
    }
}
