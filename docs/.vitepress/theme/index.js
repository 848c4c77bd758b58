// The default theme with the fonts of the system, so that nothing is loaded that a page does not need.
import theme from 'vitepress/theme-without-fonts';
import './style.css';

export default theme;
