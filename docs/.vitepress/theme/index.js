// The default theme with the fonts of the system, so that nothing is loaded that a page does not need.
import theme from 'vitepress/theme-without-fonts';
// oxlint-disable-next-line import/no-unassigned-import
import './style.css';

export default theme;
