// Validates a document as strictly as the JavaScript library of CycloneDX can: node validate.cjs 1.6 FILE
const fs = require("node:fs");
const { Spec, Validation } = require("@cyclonedx/cyclonedx-library");

const [version, path] = process.argv.slice(2);
const validator = new Validation.JsonStrictValidator(Spec.Version[`v${version.replace(".", "dot")}`]);
validator.validate(fs.readFileSync(path, "utf-8")).then((problem) => {
  if (problem !== null) {
    console.error(JSON.stringify(problem).slice(0, 2000));
    process.exitCode = 1;
  }
});
