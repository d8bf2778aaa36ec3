/**
 * Resolves Apache's jars through test/interop/java/pom.xml and compiles our Java and Go programs, once: a folder whose `ready` file
 * holds the hash of the sources is used as it is. Called by the suite's global set-up and by native-free-bench/peers.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { goModule, javaProject } from '../../support/paths.ts';

export const CLIENT_VERSIONS = ['5.3.3', '4.9.8'] as const;
export type ClientVersion = (typeof CLIENT_VERSIONS)[number];
export type JavaProfile = `client-${ClientVersion}` | 'server-5.3.3';

const DOWNLOAD_DEADLINE_MS = 300_000;

export function classPath(profile: JavaProfile): string {
  const target = `${javaProject}/target/${profile}`;
  return `${target}/classes:${target}/lib/*`;
}

export const goProgram = `${goModule}/target/interop`;

export function prepareJava(profiles: readonly JavaProfile[]): void {
  needs('java', ['-version'], 'a Java runtime, 17 or newer (Debian: apt-get install openjdk-17-jdk-headless)');
  for (const profile of profiles) prepareProfile(profile);
}

export function prepareGo(): void {
  needs('go', ['version'], 'Go 1.19 or newer (Debian: apt-get install golang-go, or https://go.dev/dl)');
  run('go', ['build', '-o', goProgram, '.'], goModule);
}

function prepareProfile(profile: JavaProfile): void {
  const sources = `${javaProject}/src/main/java/ringmq/interop`;
  const hash = createHash('sha256').update(readFileSync(`${javaProject}/pom.xml`));
  const compiles = profile.startsWith('client-');
  if (compiles) {
    for (const file of readdirSync(sources).sort()) hash.update(file).update(readFileSync(`${sources}/${file}`));
  }
  const wanted = hash.digest('hex');
  const ready = `${javaProject}/target/${profile}/ready`;
  if (existsSync(ready) && readFileSync(ready, 'utf8') === wanted) return;
  rmSync(ready, { force: true });
  needs('mvn', ['-v'], 'Maven 3.8 or newer (Debian: apt-get install maven)');
  const goals = compiles ? ['compile', 'dependency:copy-dependencies'] : ['dependency:copy-dependencies'];
  run('mvn', ['-q', '-B', `-P${profile}`, ...goals], javaProject);
  writeFileSync(ready, wanted);
}

function needs(command: string, args: string[], what: string): void {
  const result = spawnSync(command, args, { encoding: 'utf8' });
  if (result.error || result.status !== 0)
    throw new Error(`The interop suite needs ${what}; \`${command}\` does not run here.`);
}

function run(command: string, args: string[], cwd: string): void {
  const result = spawnSync(command, args, { cwd, encoding: 'utf8', timeout: DOWNLOAD_DEADLINE_MS });
  if (result.status === 0) return;
  throw new Error(
    `\`${command} ${args.join(' ')}\` in ${cwd} failed:\n${result.error ?? ''}${result.stdout}${result.stderr}`,
  );
}
