/** The documents at the top of the repository, which are pages of the site too. */
export const projectPages = [
  { file: 'README.md', name: 'readme', title: 'Introduction' },
  { file: 'CHANGELOG.md', name: 'changelog', title: 'Changelog' },
  { file: 'CONTRIBUTING.md', name: 'contributing', title: 'Contributing' },
  { file: 'ARCHITECTURE.md', name: 'architecture', title: 'Architecture' },
  { file: 'SECURITY.md', name: 'security', title: 'Security' },
];
