export default { test: { server: { deps: { inline: ['untorn'] } } } };
